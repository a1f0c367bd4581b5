// A field above every long table: rows that have all of its words stay.

window.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.searchable")) {
    const rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "simclr fine-tuned 240 …";
    field.setAttribute("aria-label", `search: ${table.getAttribute("aria-label")}`);
    const count = document.createElement("output");
    const bar = document.createElement("div");
    bar.className = "search-rows";
    bar.append(field, count);
    table.before(bar);
    const search = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        shown += !row.hidden;
      });
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    field.addEventListener("input", search);
    search();
  }
});
