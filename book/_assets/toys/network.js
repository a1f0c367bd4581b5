// The arithmetic of the network in the page: pure functions on typed arrays.
//
// Images and maps are square and channels last: value c of the pixel in row y and
// column x is at (y * side + x) * channels + c. A classic script, for modules do not
// load from a page that was opened as a file.
(() => {
  // Of sslkit.learning.encoders, which gives every encoder its input normalised so.
  const MEAN = [0.485, 0.456, 0.406];
  const STD = [0.229, 0.224, 0.225];

  /** The numbers of a packed string: each character is the bits of a float16. */
  function unpack(packed) {
    const numbers = new Float32Array(packed.length);
    for (let i = 0; i < packed.length; i++) {
      const bits = packed.charCodeAt(i);
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = (bits & 1023) / 1024;
      numbers[i] = exponent
        ? sign * (1 + fraction) * 2 ** (exponent - 15)
        : sign * fraction * 2 ** -14;
    }
    return numbers;
  }

  /**
   * Every filter's sum over what it sees. Four filters at a time, as their sums wait for
   * each other's numbers and not for their own: four times as fast. All of our layers
   * have a multiple of four.
   */
  function filter(patch, { weights, biases }, output) {
    const size = patch.length;
    for (let c = 0; c < biases.length; c += 4) {
      const at = c * size;
      let p = biases[c];
      let q = biases[c + 1];
      let r = biases[c + 2];
      let s = biases[c + 3];
      for (let j = 0; j < size; j++) {
        const value = patch[j];
        p += value * weights[at + j];
        q += value * weights[at + size + j];
        r += value * weights[at + 2 * size + j];
        s += value * weights[at + 3 * size + j];
      }
      output[c] = p;
      output[c + 1] = q;
      output[c + 2] = r;
      output[c + 3] = s;
    }
  }

  /** A 3x3 convolution, one pixel of zeros around the map. */
  function convolve(input, side, layer, stride) {
    const before = input.length / (side * side);
    const after = layer.biases.length;
    const made = Math.ceil(side / stride);
    const output = new Float32Array(made * made * after);
    const patch = new Float32Array(9 * before); // what a filter sees of the map
    for (let y = 0; y < made; y++) {
      for (let x = 0; x < made; x++) {
        for (let k = 0; k < 9; k++) {
          const row = y * stride + Math.floor(k / 3) - 1;
          const column = x * stride + (k % 3) - 1;
          const inside = Math.min(row, column) >= 0 && Math.max(row, column) < side;
          const from = (row * side + column) * before;
          if (inside) patch.set(input.subarray(from, from + before), k * before);
          else patch.fill(0, k * before, (k + 1) * before);
        }
        filter(patch, layer, output.subarray((y * made + x) * after));
      }
    }
    return output;
  }

  /** What is below zero becomes zero. */
  const relu = (values) => values.map((value) => Math.max(value, 0));

  /** Two maps of one shape, added. */
  const add = (one, other) => one.map((value, i) => value + other[i]);

  /** The mean over space: one number a channel. */
  function pool(map, channels) {
    const mean = new Float32Array(channels);
    const pixels = map.length / channels;
    map.forEach((value, i) => (mean[i % channels] += value / pixels));
    return mean;
  }

  /** Features to one score an output. */
  const linear = (features, { weights, biases }) =>
    biases.map((bias, row) =>
      features.reduce((sum, x, i) => sum + x * weights[row * features.length + i], bias),
    );

  /** Scores to probabilities. */
  function softmax(scores) {
    const top = Math.max(...scores);
    const raised = scores.map((score) => Math.exp(score - top));
    const total = raised.reduce((sum, value) => sum + value, 0);
    return raised.map((value) => value / total);
  }

  /** A network of its plan and its numbers, as tools.page_weights writes them. */
  function network({ channels, residual, outputs = 0 }, numbers) {
    let read = 0;
    const take = (count) => numbers.subarray(read, (read += count));
    const layer = (inputs, count) => ({ weights: take(inputs * count), biases: take(count) });
    const stages = channels.slice(1).map((after, i) => ({
      halve: layer(9 * channels[i], after),
      block: residual ? [layer(9 * after, after), layer(9 * after, after)] : [],
    }));
    const dim = channels.at(-1);
    const head = outputs ? layer(dim, outputs) : null;
    if (read !== numbers.length) {
      throw new Error(`${numbers.length} numbers for a network of ${read}`);
    }
    return { stages, dim, head };
  }

  /** Features of an image: side * side * 3 values from 0 to 255, RGB. */
  function features({ stages, dim }, pixels) {
    let side = Math.sqrt(pixels.length / 3);
    let map = Float32Array.from(pixels, (v, i) => (v / 255 - MEAN[i % 3]) / STD[i % 3]);
    for (const { halve, block } of stages) {
      map = relu(convolve(map, side, halve, 2));
      side = Math.ceil(side / 2);
      if (block.length) {
        const inner = relu(convolve(map, side, block[0], 1));
        map = relu(add(convolve(inner, side, block[1], 1), map));
      }
    }
    return pool(map, dim);
  }

  /** Rows whose vectors point most nearly as a vector does, the nearest first. */
  function nearest(vector, rows, count) {
    const dim = vector.length;
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    const alike = Array.from({ length: rows.length / dim }, (_, row) => {
      const other = rows.subarray(row * dim, (row + 1) * dim);
      return [dot(vector, other) / Math.sqrt(dot(other, other)), row];
    });
    return alike.sort((a, b) => b[0] - a[0]).slice(0, count).map(([, row]) => row);
  }

  /** An image turned counter-clockwise by quarters of a turn, as RotNet turns it. */
  function turned(pixels, quarters) {
    if (!quarters) return pixels;
    const side = Math.sqrt(pixels.length / 3);
    const once = pixels.map((_, at) => {
      const [y, x] = [Math.floor(at / 3 / side), Math.floor(at / 3) % side];
      return pixels[(x * side + side - 1 - y) * 3 + (at % 3)];
    });
    return turned(once, quarters - 1);
  }

  const all = { unpack, convolve, relu, add, pool, linear, softmax, network };
  Object.assign((globalThis.sslkit ??= {}), all, { features, nearest, turned });
  if (typeof module !== "undefined") module.exports = globalThis.sslkit;
})();
