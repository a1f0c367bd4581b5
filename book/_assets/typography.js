// Minus signs that are no hyphens, and units that stay on the line of their number.

const VERBATIM = "code, pre, kbd, samp, script, style, textarea, .math, mjx-container, .sig";
const UNITS =
  "%|‰|°C|ms|s|seconds?|minutes?|min|hours?|h|days?|px|pixels?|points?|" +
  "[kMG]i?B|megabytes?|gigabytes?|cores?|dpi|mm|cm";
const MINUS = /(^|[\s(\[,;:/±≤≥<>=])-(?=\d)/g;
const UNIT = new RegExp(`(\\d) (?=(?:${UNITS})(?![\\p{L}\\d]))`, "gu");

function typeset(text) {
  return text
    .replace(MINUS, "$1\u2212")
    .replace(UNIT, "$1\u00a0")
    .replace(/ ± (?=\d)/g, "\u00a0±\u00a0");
}

function typesetAll(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement?.closest(VERBATIM)) continue;
    const better = typeset(text.data);
    if (better !== text.data) text.data = better;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector("article");
  typesetAll(article);
  // The captions of widgets come later.
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(typesetAll);
  }).observe(article, { childList: true, subtree: true });
});
