// Figures and tables suit the page on which they stand.

// A drawn figure holds two grounds (sslkit/figures/grounds.py): "#dark" asks for one.
const DRAWN = 'img:is([src*=".svg"], [src^="data:image/svg+xml"])';

function chooseGrounds() {
  const dark = document.documentElement.dataset.theme === "dark";
  for (const figure of document.querySelectorAll(DRAWN)) {
    if (figure.src.endsWith("#dark") === dark) continue;
    figure.src = dark ? `${figure.src}#dark` : figure.src.slice(0, -"#dark".length);
  }
}

// What is wider than the page says so (book.css), and can be scrolled by keyboard.
const BOXES =
  ".bd-article figure, .cell_output, .cell_output .text_html, " +
  ".pst-scrollable-table-container";

const boxes = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const wide = target.scrollWidth > target.clientWidth;
    target.classList.toggle("wide", wide);
    if (wide) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function refresh() {
  chooseGrounds();
  for (const box of document.querySelectorAll(BOXES)) boxes.observe(box);
}

document.addEventListener("DOMContentLoaded", () => {
  refresh();
  // Widgets come later, and readers change from light to dark.
  const changes = new MutationObserver(refresh);
  changes.observe(document.body, { childList: true, subtree: true });
  changes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
});
