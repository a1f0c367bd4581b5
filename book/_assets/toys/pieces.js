// The pieces of a view: sslkit/views/pieces.py, for one image.
//
// An image is { data, height, width }: Float32Array (3, height, width), values in
// [0, 1]. Every piece gives a new image. A test holds each to the package's.

(() => {
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const like = (image) => ({ ...image, data: new Float32Array(image.data.length) });

  /** Cut out a box, [top, left, height, width] in pixels, and enlarge it bilinearly. */
  function resizedCrop(image, [top, left, boxHeight, boxWidth]) {
    const { data, height, width } = image;
    const places = (size, start, length) =>
      Array.from({ length: size }, (_, i) => {
        const middle = start + ((i + 0.5) / size) * length - 0.5;
        const place = clamp(middle, start, start + length - 1);
        const first = Math.floor(place);
        return { first, second: Math.min(first + 1, size - 1), share: place - first };
      });
    const rows = places(height, top, boxHeight);
    const columns = places(width, left, boxWidth);
    const cropped = like(image);
    let at = 0;
    for (let channel = 0; channel < 3; channel++) {
      for (const row of rows) {
        const above = (channel * height + row.first) * width;
        const below = (channel * height + row.second) * width;
        for (const { first, second, share } of columns) {
          const over = data[above + first] * (1 - share) + data[above + second] * share;
          const under = data[below + first] * (1 - share) + data[below + second] * share;
          cropped.data[at++] = over * (1 - row.share) + under * row.share;
        }
      }
    }
    return cropped;
  }

  /** Read every pixel from another place: from(y, x) gives its row and column. */
  function moved(image, from) {
    const { data, height, width } = image;
    const result = like(image);
    let at = 0;
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [row, column] = from(y, x);
          result.data[at++] = data[(channel * height + row) * width + column];
        }
      }
    }
    return result;
  }

  /** Mirror left and right. */
  const flip = (image) => moved(image, (y, x) => [y, image.width - 1 - x]);

  /** Turn a square image by quarters, counter-clockwise. */
  function quarterTurn(image, turns) {
    if (image.height !== image.width) throw new Error("only square images can turn");
    const last = image.width - 1;
    const ways = [
      (y, x) => [y, x],
      (y, x) => [x, last - y],
      (y, x) => [last - y, last - x],
      (y, x) => [last - x, y],
    ];
    return moved(image, ways[turns]);
  }

  /** Change the colour of every pixel: change(red, green, blue) gives another. */
  function recoloured(image, change) {
    const { data } = image;
    const size = data.length / 3;
    const result = like(image);
    for (let i = 0; i < size; i++) {
      const colour = change(data[i], data[i + size], data[i + 2 * size]);
      colour.forEach((level, c) => (result.data[i + c * size] = clamp(level, 0, 1)));
    }
    return result;
  }

  const grey = (red, green, blue) => 0.2989 * red + 0.587 * green + 0.114 * blue;

  /** Multiply by a factor, at least 0; 1 changes nothing. */
  const adjustBrightness = (image, factor) =>
    recoloured(image, (...colour) => colour.map((level) => level * factor));

  /** Blend with the image's mean grey: 0 is that grey, 1 the image, above 1 more. */
  function adjustContrast(image, factor) {
    const size = image.data.length / 3;
    const mean = greyscale(image).data.subarray(0, size).reduce((a, b) => a + b) / size;
    return recoloured(image, (...colour) =>
      colour.map((level) => mean + factor * (level - mean)),
    );
  }

  /** Blend with each pixel's own grey: 0 is that grey, 1 the image, above 1 more. */
  const adjustSaturation = (image, factor) =>
    recoloured(image, (...colour) => {
      const own = grey(...colour);
      return colour.map((level) => own + factor * (level - own));
    });

  /** Turn the hue by a share of the colour circle, -0.5 to 0.5; pieces.py says how. */
  const adjustHue = (image, share) =>
    recoloured(image, (red, green, blue) => {
      const least = Math.min(red, green, blue);
      const chroma = Math.max(red, green, blue) - least;
      const fromRed = 1 + (green + blue - red - least) / Math.max(chroma, 1e-12);
      const hue = 6 * (((green < blue ? -fromRed : fromRed) / 6 + share + 1) % 1);
      return [Math.abs(hue - 3) - 1, 2 - Math.abs(hue - 2), 2 - Math.abs(hue - 4)].map(
        (part) => least + chroma * clamp(part, 0, 1),
      );
    });

  /** Take the colours away. */
  const greyscale = (image) =>
    recoloured(image, (...colour) => Array(3).fill(grey(...colour)));

  /** Blur by sigma pixels; 0 changes nothing. Edges reflect; the kernel is odd. */
  function gaussianBlur(image, sigma, kernelSize) {
    if (sigma === 0) return image;
    const reach = (kernelSize - 1) / 2;
    const bell = Array.from({ length: kernelSize }, (_, i) =>
      Math.exp(-0.5 * ((i - reach) / Math.max(sigma, 0.01)) ** 2),
    );
    const total = bell.reduce((sum, weight) => sum + weight);
    const reflect = (place, size) => {
      const inside = Math.abs(place);
      return inside < size ? inside : 2 * (size - 1) - inside;
    };
    const along = (given, size, stride) => {
      const blurred = like(given);
      given.data.forEach((_, at) => {
        const place = Math.floor(at / stride) % size;
        bell.forEach((weight, i) => {
          const away = reflect(place + i - reach, size) - place;
          blurred.data[at] += (weight / total) * given.data[at + away * stride];
        });
      });
      return blurred;
    };
    return along(along(image, image.height, image.width), image.width, 1);
  }

  /** An image of the RGBA bytes of a canvas. */
  function fromBytes({ data: bytes, height, width }) {
    const size = height * width;
    const data = new Float32Array(3 * size);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) data[i + c * size] = bytes[4 * i + c] / 255;
    }
    return { data, height, width };
  }

  /** The RGBA bytes of an image, for a canvas. */
  function toBytes({ data, height, width }) {
    const size = height * width;
    const bytes = new Uint8ClampedArray(4 * size).fill(255);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) bytes[4 * i + c] = 255 * data[i + c * size];
    }
    return bytes;
  }

  globalThis.sslkit = {
    ...globalThis.sslkit,
    pieces: {
      clamp,
      resizedCrop,
      flip,
      quarterTurn,
      adjustBrightness,
      adjustContrast,
      adjustSaturation,
      adjustHue,
      greyscale,
      gaussianBlur,
      fromBytes,
      toBytes,
    },
  };
})();
