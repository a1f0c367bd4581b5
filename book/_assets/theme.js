// What the theme leaves to do for those who hear a page.

document.addEventListener("DOMContentLoaded", () => {
  // Its name hides the keys that are written on it.
  document.querySelector(".search-button-field")?.removeAttribute("aria-label");
  // The book's title and the search stand in no landmark.
  const sidebar = document.querySelector(".bd-sidebar-primary");
  sidebar?.setAttribute("role", "navigation");
  sidebar?.setAttribute("aria-label", "Book");
});
