// Price a label, read the bill. sslkit/figures/pricing.py has the markup, and what is
// worth what at every stop of the sliders; here prices are multiplied.
(() => {
  const MINUS = "\u2212";

  const times = (number, price) => (price ? number * price : 0); // none of infinity, too

  function money(amount, options = { maximumFractionDigits: 2 }) {
    const text = Math.abs(amount).toLocaleString("en-US", options);
    return amount < 0 && text !== "0" ? MINUS + text : text;
  }

  const about = (amount) => money(amount, { maximumSignificantDigits: 2 });

  // The row of a bill at the stops of the sliders; a slider that is not there has one.
  function find(data, { labels = 0, images = 0, steps = 0 }) {
    return data.rows[data.nearest[labels][images][steps]];
  }

  // What the labels and the hours of a row cost, and what as good a result without
  // pretraining would: an estimate with its ends. Ends beyond the supervised curve are
  // infinite, and the curve's own stand for them in `least` and `most`.
  function reckon(row, price, hour) {
    const labels = times(row.labels, price);
    const computing = times(row.hours, hour);
    const paid = labels + computing;
    const ends = [row.worth, row.low, row.high].map(Number);
    const alone = ends.map((number) => times(number, price));
    const [start, end] = [row.start, row.end].map((number) => times(number, price));
    const least = Math.min(alone[1], end) - paid;
    const most = Math.max(alone[2], start) - paid;
    const verdict = least > 0 ? "higher" : most < 0 ? "lower" : "open";
    return { labels, computing, paid, alone, start, end, verdict };
  }

  // An estimate with its interval, less what was paid.
  function spell({ alone, start, end }, paid = 0) {
    const [at, low, high] = alone;
    const word = (amount, below, beyond) => {
      if (amount === Infinity) return `${beyond} ${about(end - paid)}`;
      if (amount === -Infinity) return `${below} ${about(start - paid)}`;
      return about(amount - paid);
    };
    const text = word(at, "less than", "more than");
    if (Number.isNaN(low)) return text;
    const ends = [low, high].map((amount) => word(amount, "below", "beyond"));
    return ends[0] === ends[1] ? text : `${text} (95 %: ${ends.join(" to ")})`;
  }

  const VERDICTS = {
    higher: "Pretraining pays",
    lower: "Pretraining costs more than it saves",
    open: "Open: at these prices it may pay or not",
  };

  // How a row was pretrained, and whether that is what was asked for.
  function pretrained({ place, images, steps }, given) {
    if (!place) return "";
    const here = images === (given.images ?? 0) && steps === (given.steps ?? 0);
    return `, pretrained on ${place}${here ? "" : " (the nearest recorded)"},`;
  }

  // Heads and amounts of the bill by line, and the sentence below it, for the stops of
  // sliders and the prices that are given.
  function write(data, given) {
    const row = find(data, given);
    const { price, hour } = given;
    const sum = reckon(row, price, hour);
    const minutes = Math.round(60 * row.hours);
    const time = minutes < 90 ? `${minutes} minutes` : `${row.hours.toFixed(1)} hours`;
    const saved = spell(sum, sum.paid);
    const lines = {
      labels: [`${row.labels.toLocaleString("en-US")} labels`, money(sum.labels)],
      computing: [`${time} of computing`, money(sum.computing)],
      paid: ["together", money(sum.paid)],
      alone: ["labels alone, as good", spell(sum)],
      saved: ["saved by pretraining", saved],
    };
    const said =
      `${data.name}${pretrained(row, given)} with ${lines.labels[0]} is ${row.said}. ` +
      `${VERDICTS[sum.verdict]}; saved: ${saved}.`;
    return { lines, said };
  }

  function mount(toy) {
    const data = JSON.parse(toy.querySelector("script").textContent);
    const inputs = [...toy.querySelectorAll("input")];
    const value = ({ value }) => Math.max(0, Number(value) || 0);

    function show() {
      const given = Object.fromEntries(inputs.map((one) => [one.name, value(one)]));
      for (const [name, { texts }] of Object.entries(data.sliders)) {
        const input = inputs.find((one) => one.name === name);
        input.setAttribute("aria-valuetext", texts[given[name]]);
        input.nextElementSibling.textContent = texts[given[name]];
      }
      const { lines, said } = write(data, given);
      for (const [line, [head, amount]] of Object.entries(lines)) {
        const cell = toy.querySelector(`[data-line=${line}]`);
        cell.textContent = amount;
        cell.previousElementSibling.textContent = head;
      }
      toy.querySelector("[role=status]").textContent = said;
    }

    toy.addEventListener("input", show);
    show();
    toy.hidden = false;
  }

  const bill = { reckon, spell, write };
  (globalThis.sslkit ??= {}).bill = bill;
  if (typeof module === "object") module.exports = bill;
  globalThis.document?.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".toy-bill").forEach(mount);
  });
})();
