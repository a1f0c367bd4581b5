// What ipywidgets leaves to do in a static page.

// It typesets labels with MathJax 2's queue, which MathJax 3 does not have.
document.addEventListener("DOMContentLoaded", () => {
  const MathJax = window.MathJax;
  if (!MathJax?.startup) return;
  MathJax.Hub ??= {
    Queue([, , element]) {
      MathJax.startup.promise = MathJax.startup.promise.then(() =>
        MathJax.typesetPromise([element]),
      );
    },
  };
});

// It gives sliders and Play's buttons no names for those who hear a page, and no states
// that mean something: a slider is at what is shown below it, not at "2.0".
window.addEventListener("load", () => {
  const ICONS = { play: "Play", pause: "Pause", stop: "Stop", retweet: "Repeat" };

  const state = (slider) => {
    const parts = slider.closest(".cell_output, .widget-vbox") ?? slider;
    const captions = [...parts.querySelectorAll("figcaption")];
    const shown = captions.find((caption) => caption.checkVisibility());
    return (shown ?? slider.querySelector(".widget-readout"))?.textContent.trim();
  };

  const say = () => {
    waiting = false;
    for (const slider of document.querySelectorAll(".widget-slider")) {
      const handle = slider.querySelector('[role="slider"]');
      if (!handle) continue;
      const label = slider.querySelector(".widget-label")?.textContent.trim();
      handle.setAttribute("aria-label", label || "slider");
      const text = state(slider);
      if (text) handle.setAttribute("aria-valuetext", text);
    }
    for (const icon of document.querySelectorAll(".widget-play button > i")) {
      const name = icon.className.match(/fa-(\w+)/)?.[1];
      icon.parentElement.setAttribute("aria-label", ICONS[name] ?? name);
    }
    for (const button of document.querySelectorAll(
      ".widget-toggle-button, .widget-play button:has(> .fa-retweet)",
    )) {
      button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
    }
    for (const group of document.querySelectorAll(".widget-toggle-buttons")) {
      group.setAttribute("role", "group");
      const label = group.querySelector(".widget-label")?.textContent.trim();
      if (label) group.setAttribute("aria-label", label);
    }
  };

  // Once a frame at most, and after the slider has said its own.
  let waiting = false;
  const soon = () => {
    if (!waiting) requestAnimationFrame(say);
    waiting = true;
  };
  say();
  new MutationObserver(soon).observe(document.body, {
    attributeFilter: ["aria-valuenow", "class", "style"],
    childList: true,
    subtree: true,
  });
});
