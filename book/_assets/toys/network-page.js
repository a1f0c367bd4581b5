// The network in the page: brings the figures of sslkit.figures.network to life.
//
// Nothing is loaded before a reader asks for it, and nothing is fetched, as that fails
// in a page that was opened as a file: weights and images come as scripts.
(() => {
  const here = new URL("../network/", document.currentScript.src);
  const asked = {}; // numbers that were asked for, by the name of their script
  const NEAREST = 5;
  let toys = 0;

  /** An element with properties and what is in it. */
  function make(tag, properties = {}, ...inside) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...inside);
    return element;
  }

  /** The numbers of a script, loaded once a page. */
  function numbers(manifest, name) {
    const file = `${name}.js`;
    return (asked[name] ??= new Promise((done, failed) => {
      const script = make("script", {
        src: new URL(`${file}?${manifest.files[file].sha256.slice(0, 8)}`, here),
        onload: () => done(sslkit.unpack(sslkit.packed[name])),
        onerror: () => failed(new Error(`${file} could not be loaded`)),
      });
      document.head.append(script);
    }));
  }

  const network = async (manifest, name) =>
    sslkit.network(manifest.encoders[name], await numbers(manifest, name));

  /** One image of the numbers of all images, as bytes. */
  function picture(manifest, all, place) {
    const size = 3 * manifest.side ** 2;
    return Uint8ClampedArray.from(all.subarray(place * size, (place + 1) * size));
  }

  /** A canvas that shows an image; its pixels stay squares. */
  function canvas(pixels, label) {
    const side = Math.sqrt(pixels.length / 3);
    const made = make("canvas", { width: side, height: side, className: "network-image" });
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    const image = new ImageData(side, side);
    image.data.forEach((_, i) => {
      image.data[i] = i % 4 === 3 ? 255 : pixels[Math.floor(i / 4) * 3 + (i % 4)];
    });
    made.getContext("2d").putImageData(image, 0, 0);
    return made;
  }

  /** A reader's photograph: its central square, reduced, transparent pixels on white. */
  async function photograph(file, side) {
    const image = await createImageBitmap(file);
    const edge = Math.min(image.width, image.height);
    const [left, top] = [(image.width - edge) / 2, (image.height - edge) / 2];
    const context = make("canvas", { width: side, height: side }).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.fillStyle = "white";
    context.fillRect(0, 0, side, side);
    context.drawImage(image, left, top, edge, edge, 0, 0, side, side);
    const { data } = context.getImageData(0, 0, side, side);
    return data.filter((_, i) => i % 4 < 3);
  }

  /** Buttons of which one is down, each with an image on it; arrow keys move among them. */
  function picker(title, images, choose) {
    const name = `network-${++toys}`;
    const labels = images.map(([pixels, label], i) => {
      const radio = make("input", { type: "radio", name, onchange: () => choose(i) });
      radio.setAttribute("aria-label", `${label}, ${i + 1} of ${images.length}`);
      const shown = canvas(pixels, "");
      shown.setAttribute("aria-hidden", "true");
      return make("label", { title: label }, radio, shown);
    });
    return make("fieldset", { className: "network-picker" }, make("legend", {}, title), ...labels);
  }

  /** A button before a part of a figure, then in its place what `begin` gives. */
  function offer(figure, part, manifest, scripts, text, begin) {
    const said = make("p", { className: "network-said" });
    said.setAttribute("role", "status");
    said.setAttribute("aria-live", "polite");
    const bytes = scripts.reduce((sum, name) => sum + manifest.files[`${name}.js`].bytes, 0);
    const button = make("button", { type: "button", className: "network-button" });
    button.textContent = `${text} (${(bytes / 1e6).toFixed(1)} MB)`;
    button.onclick = async () => {
      button.disabled = true;
      said.textContent = "Loading …";
      try {
        for (const name of scripts) await numbers(manifest, name);
        const parts = await begin((words) => (said.textContent = words));
        button.replaceWith(...parts);
        parts[0].querySelector("input").focus();
      } catch (error) {
        said.textContent = `It cannot run here: ${error.message}.`;
        button.disabled = false;
      }
    };
    figure.querySelector(part).before(button);
    figure.querySelector("figcaption").before(said);
  }

  /** Cells and photographs, and which cells lie nearest by each encoder. */
  function neighbours(figure, manifest) {
    const { among, cells, classes, queries, side } = manifest;
    const dim = manifest.encoders[among[0]].channels.at(-1);
    const sheet = new URL("sheet.jpg", here);

    /** A training cell, cut from the sheet. */
    function cell(row) {
      const [x, y] = [row % manifest.columns, Math.floor(row / manifest.columns)];
      const made = make("span", { className: "network-image", title: classes[cells[row]] });
      made.setAttribute("role", "img");
      made.setAttribute("aria-label", classes[cells[row]]);
      made.style.setProperty("--columns", manifest.columns);
      made.style.setProperty("--x", x);
      made.style.setProperty("--y", y);
      made.style.backgroundImage = `url("${sheet}")`;
      return made;
    }

    async function begin(say) {
      const networks = [];
      for (const name of among) networks.push(await network(manifest, name));
      const known = await numbers(manifest, "cells");
      const all = await numbers(manifest, "pixels");
      const size = cells.length * dim;

      /** Fill the rows for an image; `kind` is its class, none for a photograph. */
      function find(pixels, kind) {
        const began = performance.now();
        const found = among.map((name, i) => {
          const of = known.subarray(i * size, (i + 1) * size);
          return sslkit.nearest(sslkit.features(networks[i], pixels), of, NEAREST);
        });
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        const words = among.map((name, i) => {
          const [head, images] = figure.querySelector(`[data-encoder="${name}"]`).cells;
          images.replaceChildren(...found[i].map(cell));
          const same = found[i].filter((row) => cells[row] === kind).length;
          const share = kind === null ? "" : `${same} of ${NEAREST}`;
          head.querySelector(".network-share").textContent = share;
          const nearest = classes[cells[found[i][0]]];
          return kind === null
            ? `${manifest.labels[name]}: ${nearest} first`
            : `${manifest.labels[name]} ${same}`;
        });
        const label = kind === null ? "your photograph" : classes[kind];
        const text = kind === null ? "Your photograph" : `A cell of the test images: ${label}`;
        figure.querySelector(".network-asked").replaceChildren(canvas(pixels, label), text);
        const start =
          kind === null
            ? "Your photograph, which stays in this page. These encoders have seen stained " +
              "blood cells and nothing else: unless it is one, from such a microscope, it is " +
              "outside their domain, and the rows show what it looks like to them, never " +
              "what it is. Nearest by "
            : `Picked: ${label}. Of its ${NEAREST} nearest cells, so many are of its kind by `;
        say(`${start}${words.join("; ")}. Computed here in ${seconds} s.`);
      }

      const images = queries.map((kind, i) => [picture(manifest, all, i), classes[kind]]);
      const pick = picker("Pick a cell of the test images", images, (i) =>
        find(images[i][0], queries[i]),
      );
      const take = (file) =>
        photograph(file, side).then(
          (pixels) => {
            for (const radio of pick.querySelectorAll("input")) radio.checked = false;
            find(pixels, null);
          },
          () => say("This browser cannot read that file as a photograph."),
        );
      const file = make("input", { type: "file", accept: "image/*" });
      file.onchange = () => file.files[0] && take(file.files[0]);
      figure.ondragover = (event) => event.preventDefault();
      figure.ondrop = (event) => {
        event.preventDefault();
        if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
      };
      const drop = make("label", { className: "network-drop" });
      drop.append("Or drop a photograph here, or choose one: ", file);
      say("Ready. Pick a cell.");
      return [pick, drop];
    }
    const scripts = [...among, "cells", "pixels"];
    offer(figure, ".network-asked", manifest, scripts, "Run the encoders here", begin);
  }

  /** Scenes and cells to turn, and what RotNet says of them. */
  function turns(figure, manifest) {
    const { classes, queries, scenes } = manifest;

    async function begin(say) {
      const rotnet = { scene: await network(manifest, "rotnet-shapes") };
      rotnet.cell = await network(manifest, "rotnet");
      const all = await numbers(manifest, "pixels");
      const firsts = classes.map((_, kind) => queries.indexOf(kind)).filter((i) => i >= 0);
      const images = [
        ...scenes.map((name, i) => ["scene", name, queries.length + i]),
        ...firsts.map((i) => ["cell", classes[queries[i]], i]),
      ].map(([kind, name, place]) => ({ kind, name, pixels: picture(manifest, all, place) }));
      let [chosen, quarters] = [images[0], 0];
      const place = make("div", { className: "network-turned" });

      function show() {
        const pixels = sslkit.turned(chosen.pixels, quarters);
        const net = rotnet[chosen.kind];
        const scores = sslkit.linear(sslkit.features(net, pixels), net.head);
        const shares = [...sslkit.softmax(scores)];
        const lines = shares.map((share, turn) => {
          const line = make("li", {}, `${90 * turn}° `);
          line.append(make("span", {}, `${(100 * share).toFixed(0)} %`));
          line.style.setProperty("--share", share);
          line.toggleAttribute("data-true", turn === quarters);
          return line;
        });
        const list = make("ul", { className: "network-shares" }, ...lines);
        place.replaceChildren(canvas(pixels, `${chosen.name}, turned`), list);
        const best = shares.indexOf(Math.max(...shares));
        const sure = (100 * shares[best]).toFixed(0);
        say(
          `A ${chosen.kind} (${chosen.name}), turned by ${90 * quarters}°. ` +
            `RotNet says ${90 * best}° with ${sure} %.`,
        );
      }

      const turn = (text, by) =>
        make("button", {
          type: "button",
          className: "network-button",
          textContent: text,
          onclick: () => {
            quarters = (quarters + by) % 4;
            show();
          },
        });
      const pick = picker(
        "Pick a scene, which has an up, or a cell, which has none",
        images.map(({ pixels, name }) => [pixels, name]),
        (i) => {
          [chosen, quarters] = [images[i], 0];
          show();
        },
      );
      pick.querySelector("input").checked = true;
      show();
      const buttons = make("div", {}, turn("↺ turn left", 1), turn("↻ turn right", 3));
      return [pick, place, buttons];
    }
    const scripts = ["rotnet-shapes", "rotnet", "pixels"];
    offer(figure, "figcaption", manifest, scripts, "Run RotNet here", begin);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const figure of document.querySelectorAll("figure.network")) {
      const manifest = JSON.parse(figure.dataset.manifest);
      ({ neighbours, turns })[figure.dataset.toy](figure, manifest);
    }
  });
})();
