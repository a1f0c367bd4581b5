// Publish a study: one run of every arm becomes the table that it would have printed.
// sslkit/figures/publishing.py has the markup and every number; here they are dealt and
// counted.
(() => {
  // A place in a pile of so many; each comes once, in random order, before one comes
  // again.
  function deal(pile, count, random) {
    if (!pile.length) {
      for (let i = 0; i < count; i++) {
        pile.splice(Math.floor(random() * (i + 1)), 0, i);
      }
    }
    return pile.pop();
  }

  function start(data) {
    const shares = data.shares.map(() => ({
      pile: [],
      study: null,
      won: data.arms.map(() => 0),
      printed: 0,
      orders: new Set(),
    }));
    return { studies: 0, shares };
  }

  function press(state, data, random = Math.random) {
    state.studies += 1;
    state.shares.forEach((share, i) => {
      const { studies } = data.shares[i];
      share.study = studies[deal(share.pile, studies.length, random)];
      share.won[share.study.best] += 1;
      share.printed += share.study.printed;
      share.orders.add(share.study.order);
    });
  }

  function said(state, data) {
    if (!state.studies) return "Nothing is published yet.";
    const each = (text) =>
      state.shares
        .map((share, i) => `${text(share)} at ${data.shares[i].name}`)
        .join(", ");
    const best = each(({ study }) => data.arms[study.best]);
    const orders = each(({ orders }) => orders.size);
    const times = each(({ printed }) => (printed === 1 ? "once" : `${printed} times`));
    const never = state.shares.every(({ printed }) => !printed);
    return (
      `Study ${state.studies}: the best are ${best}. ` +
      `Different orders so far: ${orders}; ` +
      `the study's own came out ${never ? "never" : times}.`
    );
  }

  function show(toy, state, data) {
    const [table, tally] = toy.querySelectorAll("table");
    const cells = (rows, row) => [...rows[row].cells].slice(1);
    const { studies, shares } = state;
    table.caption.textContent = studies
      ? `What study ${studies} prints: test accuracy (%), the best in bold`
      : "What a study prints";
    tally.caption.textContent = `Of ${studies} studies, in how many it is the best`;
    data.arms.forEach((_, arm) => {
      cells(table.tBodies[0].rows, arm).forEach((cell, i) => {
        const { study } = shares[i];
        const best = study?.best === arm;
        const text = document.createElement(best ? "strong" : "span");
        text.textContent = study ? study.values[arm] : "–";
        cell.replaceChildren(text);
      });
      cells(tally.tBodies[0].rows, arm).forEach((cell, i) => {
        cell.textContent = shares[i].won[arm];
      });
    });
    cells(tally.tFoot.rows, 0).forEach((cell, i) => {
      cell.textContent = shares[i].printed;
    });
    cells(tally.tFoot.rows, 1).forEach((cell, i) => {
      cell.textContent = shares[i].orders.size;
    });
    toy.querySelector("[role=status]").textContent = said(state, data);
  }

  function mount(toy) {
    const data = JSON.parse(toy.querySelector("script").textContent);
    let state = start(data);
    for (const button of toy.querySelectorAll("button")) {
      button.addEventListener("click", () => {
        const studies = Number(button.dataset.studies);
        if (!studies) state = start(data);
        for (let i = 0; i < studies; i++) press(state, data);
        show(toy, state, data);
      });
    }
    show(toy, state, data);
    toy.hidden = false;
  }

  const publish = { deal, start, press, said };
  (globalThis.sslkit ??= {}).publish = publish;
  if (typeof module === "object") module.exports = publish;
  globalThis.document?.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".toy-publish").forEach(mount);
  });
})();
