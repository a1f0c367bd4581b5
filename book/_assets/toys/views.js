// "Drive the views": sslkit/views/augment.py on the pieces of pieces.js.
//
// What is random is drawn apart from what it does, so that a slider changes a view and
// draws no other. A test holds each view to the package's.

(() => {
  const { pieces } = globalThis.sslkit;
  const { clamp } = pieces;

  const TRIES = 10; // at a crop that fits
  const RATIO = [3 / 4, 4 / 3]; // width over height of a crop

  /** Uniform numbers in [0, 1) that follow from a seed: Ettinger's mulberry32. */
  function generator(seed) {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let bits = Math.imul(state ^ (state >>> 15), state | 1);
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
      return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /**
   * The random numbers of `count` views, uniform in [0, 1).
   *
   * They depend on no setting, so that a view changes gradually as one setting does.
   * The order of the jitters is one for all of them.
   */
  function randomNumbers(seed, step, count) {
    const next = generator(Math.imul(seed, 0x9e3779b1) ^ Math.imul(step, 0x85ebca6b));
    const order = ["brightness", "contrast", "saturation", "hue"];
    for (let last = order.length - 1; last > 0; last--) {
      const other = Math.floor(next() * (last + 1));
      [order[last], order[other]] = [order[other], order[last]];
    }
    const several = () => Array.from({ length: TRIES }, next);
    return Array.from({ length: count }, () => ({
      order,
      flip: next(),
      area: several(),
      ratio: several(),
      top: next(),
      left: next(),
      turn: next(),
      brightness: next(),
      contrast: next(),
      saturation: next(),
      hue: next(),
      greyscale: next(),
      blur: next(),
    }));
  }

  /** The first of ten areas and ratios that fit; if none does, the largest crop. */
  function box(numbers, least, height, width) {
    const [lowest, highest] = RATIO;
    let size = [
      Math.min(height, Math.round(width / lowest)),
      Math.min(width, Math.round(height * highest)),
    ];
    for (let i = 0; i < TRIES; i++) {
      const side = Math.sqrt((least + numbers.area[i] * (1 - least)) * height * width);
      const root = Math.sqrt(lowest * (highest / lowest) ** numbers.ratio[i]);
      const tall = Math.round(side / root);
      const wide = Math.round(side * root);
      if (tall <= height && wide <= width) {
        size = [Math.max(tall, 1), Math.max(wide, 1)];
        break;
      }
    }
    const top = Math.floor(numbers.top * (height - size[0] + 1));
    const left = Math.floor(numbers.left * (width - size[1] + 1));
    return [top, left, ...size];
  }

  /**
   * What one view does to an image, from its random numbers and the settings.
   *
   * Settings are those of sslkit's Augmentation, but for `crop` (the least share of
   * the area), `blur` (the largest sigma in pixels) and `turn` (whether).
   */
  function parameters(numbers, settings, height, width) {
    const change = (name) => {
      const low = Math.max(-settings[name], -1);
      return low + numbers[name] * (settings[name] - low);
    };
    return {
      box: box(numbers, settings.crop, height, width),
      flipped: numbers.flip < settings.flip,
      turns: settings.turn ? Math.floor(4 * numbers.turn) : 0,
      order: numbers.order,
      brightness: 1 + change("brightness"),
      contrast: 1 + change("contrast"),
      saturation: 1 + change("saturation"),
      hue: change("hue"),
      greyed: numbers.greyscale < settings.greyscale,
      sigma: settings.blur ? 0.1 + numbers.blur * (settings.blur - 0.1) : 0,
    };
  }

  const JITTERS = {
    brightness: pieces.adjustBrightness,
    contrast: pieces.adjustContrast,
    saturation: pieces.adjustSaturation,
    hue: pieces.adjustHue,
  };

  /** A view: geometry, colour, blur, in the order of sslkit's `augment.view`. */
  function view(image, chosen) {
    let changed = pieces.resizedCrop(image, chosen.box);
    if (chosen.flipped) changed = pieces.flip(changed);
    if (chosen.turns) changed = pieces.quarterTurn(changed, chosen.turns);
    for (const name of chosen.order) changed = JITTERS[name](changed, chosen[name]);
    if (chosen.greyed) changed = pieces.greyscale(changed);
    const tenth = Math.floor(Math.min(image.height, image.width) / 10);
    return pieces.gaussianBlur(changed, chosen.sigma, clamp(tenth, 2, 16) | 1);
  }

  /** The settings with all that has a strength made stronger or weaker. */
  function scaled(settings, strength) {
    const stronger = { ...settings };
    for (const name of ["brightness", "contrast", "saturation", "hue", "blur"]) {
      stronger[name] *= strength;
    }
    stronger.hue = Math.min(stronger.hue, 0.5);
    stronger.crop = Math.max(1 - strength * (1 - settings.crop), 0.01);
    return stronger;
  }

  globalThis.sslkit = {
    ...globalThis.sslkit,
    views: {
      randomNumbers,
      parameters,
      view,
      scaled,
    },
  };
})();
