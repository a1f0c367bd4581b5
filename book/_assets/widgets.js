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

// It gives slider handles and Play's buttons no names for those who hear a page.
window.addEventListener("load", () => {
  const name = () => {
    const handles = '.widget-slider [role="slider"]:not([aria-label])';
    for (const handle of document.querySelectorAll(handles)) {
      const label = handle.closest(".widget-slider").querySelector(".widget-label");
      handle.setAttribute("aria-label", label?.textContent.trim() || "slider");
    }
    for (const play of document.querySelectorAll(".widget-play")) {
      ["Play or pause", "Stop", "Repeat"].forEach((text, i) => {
        const button = play.children[i];
        if (button && !button.hasAttribute("aria-label")) {
          button.setAttribute("aria-label", text);
        }
      });
    }
  };
  name();
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
});
