// "Drive the views": the page of views.js, made of what sslkit.figures.toys.drive_views
// left in it: the settings to start from, and the images side by side in one picture.

(() => {
  const VIEWS = 8; // they tile both layouts of views.css
  const PHOTOGRAPH = 128; // side in pixels that a dropped photograph is brought to
  const SMOOTH = 64; // from this side on, pixels are no longer shown as squares

  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
  const either = (share) => `±${percent(share)}`;
  const degrees = (share) => `${Math.round(360 * share)}°`;

  // Name, greatest value, step, and how the settings in force are put into words.
  const DIALS = [
    ["crop", 0.92, 0.04, ({ crop }) => (crop < 1 ? `${percent(crop)} or more` : "none")],
    ["brightness", 1, 0.05, ({ brightness }) => either(brightness)],
    ["contrast", 1, 0.05, ({ contrast }) => either(contrast)],
    ["saturation", 1, 0.05, ({ saturation }) => either(saturation)],
    ["hue", 0.5, 0.025, ({ hue }) => `±${degrees(hue)}`],
    ["blur", 2, 0.1, ({ blur }) => (blur ? `to ${blur.toFixed(1)}\u00a0px` : "none")],
    ["strength", 2, 0.1, (_, strength) => percent(strength)],
  ];
  // Name, the share of views when switched on if the start gives none, and what it does.
  const SWITCHES = [
    ["turn", 1, () => "turn by quarters"],
    ["flip", 0.5, (share) => `mirror ${percent(share)} of the views`],
    ["greyscale", 0.2, (share) => `${percent(share)} without colours`],
  ];

  // What a view did to its image, a column each.
  const COLUMNS = [
    ["area", (p, size) => percent((p.box[2] * p.box[3]) / size)],
    ["flip", (p) => (p.flipped ? "yes" : "no")],
    ["turn", (p) => `${90 * p.turns}°`],
    ["brightness", (p) => `×\u00a0${p.brightness.toFixed(2)}`],
    ["contrast", (p) => `×\u00a0${p.contrast.toFixed(2)}`],
    ["saturation", (p) => `×\u00a0${p.saturation.toFixed(2)}`],
    ["hue", (p) => `${p.hue < 0 ? "−" : "+"}${degrees(Math.abs(p.hue))}`],
    ["grey", (p) => (p.greyed ? "yes" : "no")],
    ["blur", (p) => `${p.sigma.toFixed(1)}\u00a0px`],
  ];

  const cells = (tag, texts) => texts.map((text) => `<${tag}>${text}</${tag}>`).join("");

  const MARKUP = `
    <fieldset class="toy-images"><legend class="toy-hidden">Image</legend></fieldset>
    <div class="toy-stage">${"<canvas role='img'></canvas>".repeat(VIEWS + 1)}</div>
    <p class="toy-said" aria-live="polite"></p>
    <div class="toy-row">
      <button type="button" class="toy-button" data-does="again">Again</button>
      <button type="button" class="toy-button" data-does="reset">Reset</button>
    </div>
    <div class="toy-dials">${DIALS.map(
      ([name, most, step]) => `<label><span>${name}</span>
        <input type="range" name="${name}" min="0" max="${most}" step="${step}"></label>
        <span class="toy-value" aria-hidden="true"></span>`,
    ).join("")}</div>
    <div class="toy-row">${SWITCHES.map(
      ([name]) => `<label><input type="checkbox" name="${name}"> <span></span></label>`,
    ).join("")}</div>
    <div class="toy-row">
      <label class="toy-button toy-file">Your photograph …
        <input type="file" accept="image/*"></label>
      <span class="toy-hint">or drop one here: it stays on this device</span>
    </div>
    <details><summary>The random numbers of these views</summary>
      <div class="toy-scroll" tabindex="0" role="region" aria-label="Random numbers">
        <table><thead><tr>${cells("th", ["view", ...COLUMNS.map(([n]) => n)])}</tr></thead>
        <tbody></tbody></table></div>
    </details>`;

  function draw(canvas, image, label) {
    canvas.width = image.width;
    canvas.height = image.height;
    const bytes = globalThis.sslkit.pieces.toBytes(image);
    const pixels = new ImageData(bytes, image.width, image.height);
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    canvas.classList.toggle("toy-smooth", image.width >= SMOOTH);
    if (label) canvas.setAttribute("aria-label", label);
  }

  /** The square of a picture whose upper left is given, brought to another side. */
  function square(picture, left, top, from, side) {
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d");
    context.fillStyle = "white"; // behind what is transparent
    context.fillRect(0, 0, side, side);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, left, top, from, from, 0, 0, side, side);
    return globalThis.sslkit.pieces.fromBytes(context.getImageData(0, 0, side, side));
  }

  async function start(toy, number) {
    const { views } = globalThis.sslkit;
    const { settings: given, seed } = JSON.parse(toy.querySelector("script").textContent);
    const sprite = toy.querySelector("img");
    await sprite.decode();
    const side = sprite.naturalHeight;
    const images = Array.from({ length: sprite.naturalWidth / side }, (_, i) => ({
      pixels: square(sprite, i * side, 0, side, side),
      name: `image ${i + 1}`,
    }));
    const book = images.length; // what comes behind is the reader's

    toy.innerHTML = MARKUP;
    const find = (selector) => toy.querySelector(selector);
    const state = {};
    const shares = {};
    for (const [name, usual, words] of SWITCHES) {
      shares[name] = given[name] || usual;
      find(`[name=${name}] + span`).textContent = words(shares[name]);
    }

    function reset() {
      Object.assign(state, { settings: { ...given }, strength: 1, step: 0 });
      find("[name=crop]").value = 1 - given.crop;
      find("[name=strength]").value = 1;
      for (const [name] of DIALS.slice(1, -1)) find(`[name=${name}]`).value = given[name];
      for (const [name] of SWITCHES) find(`[name=${name}]`).checked = given[name] > 0;
    }

    function show() {
      const { pixels, name } = images[state.chosen];
      const settings = views.scaled(state.settings, state.strength);
      for (const [dial, , , words] of DIALS) {
        const input = find(`[name=${dial}]`);
        const text = words(settings, state.strength);
        input.setAttribute("aria-valuetext", text);
        input.closest("label").nextElementSibling.textContent = text;
      }
      const { height, width } = pixels;
      const [original, ...others] = toy.querySelectorAll(".toy-stage canvas");
      draw(original, pixels, name);
      const numbers = views.randomNumbers(seed, state.step, VIEWS);
      const rows = others.map((canvas, i) => {
        const chosen = views.parameters(numbers[i], settings, height, width);
        const texts = COLUMNS.map(([, words]) => words(chosen, height * width));
        const said = texts.map((text, j) => `${COLUMNS[j][0]} ${text}`).join(", ");
        draw(canvas, views.view(pixels, chosen), `View ${i + 1}: ${said}`);
        return `<tr><th>${i + 1}</th>${cells("td", texts)}</tr>`;
      });
      find("tbody").innerHTML = rows.join("");
      say(`Step ${state.step}: ${name}, and eight views of it.`);
    }

    function say(text) {
      if (find(".toy-said").textContent !== text) find(".toy-said").textContent = text;
    }

    function choose(index) {
      state.chosen = index;
      const all = images.map(({ name }, i) => {
        const label = document.createElement("label");
        label.innerHTML = `<input type="radio" name="toy-image-${number}">
          <canvas aria-hidden="true"></canvas><span class="toy-hidden"></span>`;
        const [input, canvas, text] = label.children;
        Object.assign(input, { value: i, checked: i === index });
        draw(canvas, images[i].pixels);
        text.textContent = name;
        return label;
      });
      find(".toy-images").replaceChildren(find("legend"), ...all);
    }

    async function take(file) {
      try {
        const picture = await createImageBitmap(file);
        const from = Math.min(picture.width, picture.height);
        const left = (picture.width - from) / 2;
        const top = (picture.height - from) / 2;
        images[book] = {
          pixels: square(picture, left, top, from, PHOTOGRAPH),
          name: `the middle of ${file.name}`,
        };
      } catch {
        say(`${file.name} is no image that this browser reads: try a JPEG or a PNG.`);
        return;
      }
      choose(book);
      show();
    }

    toy.addEventListener("input", ({ target }) => {
      const { name, type, value, checked } = target;
      if (type === "file") {
        if (target.files[0]) take(target.files[0]);
        target.value = ""; // so that the same file can be given again
        return;
      }
      if (type === "radio") state.chosen = Number(value);
      else if (type === "checkbox") {
        state.settings[name] = checked ? shares[name] : 0;
      } else if (name === "strength") state.strength = Number(value);
      else if (name === "crop") state.settings.crop = 1 - value;
      else state.settings[name] = Number(value);
      show();
    });
    toy.addEventListener("click", ({ target }) => {
      if (!target.dataset.does) return;
      if (target.dataset.does === "again") state.step++;
      else reset();
      show();
    });
    for (const kind of ["dragover", "dragleave", "drop"]) {
      toy.addEventListener(kind, (event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        toy.classList.toggle("toy-target", kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files[0]) {
          take(event.dataTransfer.files[0]);
        }
      });
    }
    reset();
    choose(0);
    show();
    toy.hidden = false;
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".toy-views").forEach(start);
  });
})();
