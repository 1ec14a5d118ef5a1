// The layers of a model for one note, as `step` of pipeline/models/numpy/residual_blocks.py computes them.
// Weights are float32, as they were trained. Activations and sums are float64, which a browser computes at the same
// speed. A state has a fixed size, and a step allocates no memory.
// Shapes: D width of the input, U units, K notes that a convolution reads, H heads of attention, S notes of its span.

const RMS_EPSILON = 1e-6;
const QUICK_GELU_SCALE = 1.702;

// Add x [D] times kernel [D, U] to out [U], four rows at a time so that `out` is read and written once for four products.
export function multiplyAdd(x, kernel, out) {
  const units = out.length;
  const size = x.length;
  const blocked = size - (size % 4);
  for (let row = 0; row < blocked; row += 4) {
    const [x0, x1, x2, x3] = [x[row], x[row + 1], x[row + 2], x[row + 3]];
    const first = row * units;
    const second = first + units;
    const third = second + units;
    const fourth = third + units;
    for (let unit = 0; unit < units; unit++) {
      const upper = x0 * kernel[first + unit] + x1 * kernel[second + unit];
      const lower = x2 * kernel[third + unit] + x3 * kernel[fourth + unit];
      out[unit] += upper + lower;
    }
  }
  for (let row = blocked; row < size; row++) addScaledRow(kernel, row, x[row], out);
}

// Add `scale` times a row of table [N, U] to out [U].
export function addScaledRow(table, row, scale, out) {
  const first = row * out.length;
  for (let unit = 0; unit < out.length; unit++) out[unit] += scale * table[first + unit];
}

export function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

export function applyQuickGelu(x) {
  for (let unit = 0; unit < x.length; unit++) x[unit] *= sigmoid(QUICK_GELU_SCALE * x[unit]);
}

// Write x [D], scaled to a root mean square of one and then by `scale` [D], to out [D], which may be x.
export function normalize(x, scale, out) {
  let sum = 0;
  for (const value of x) sum += value * value;
  const factor = 1 / Math.sqrt(sum / x.length + RMS_EPSILON);
  for (let unit = 0; unit < x.length; unit++) out[unit] = x[unit] * factor * scale[unit];
}

// A causal depthwise convolution, kernel [K, C]; its state is the values of the last K notes.
class CausalConvolution {
  constructor(kernel, channels) {
    this.kernel = kernel;
    this.channels = channels;
    this.recent = new Float64Array(kernel.length);
  }

  reset() {
    this.recent.fill(0);
  }

  step(x) {
    this.recent.copyWithin(0, this.channels);
    this.recent.set(x, this.recent.length - this.channels);
    x.fill(0);
    for (let index = 0; index < this.recent.length; index++) {
      x[index % this.channels] += this.recent[index] * this.kernel[index];
    }
  }
}

// The gated recurrence of the cell mingru: decay, input and output gate [3 U] to [U]; its state is a vector [U].
class MinGRU {
  constructor(units) {
    this.units = units;
    this.state = new Float64Array(units);
    this.output = new Float64Array(units);
  }

  reset() {
    this.state.fill(0);
  }

  step(projected) {
    const units = this.units;
    for (let unit = 0; unit < units; unit++) {
      const decay = sigmoid(projected[unit]);
      const gate = projected[2 * units + unit];
      this.state[unit] = decay * this.state[unit] + (1 - decay) * projected[units + unit];
      this.output[unit] = this.state[unit] * gate * sigmoid(gate);
    }
    return this.output;
  }
}

// Causal attention over the last S notes: query, key and value [3 U] to [U]. Keys and values stand in rings [S, U].
class Attention {
  constructor(units, distanceBias, numHeads) {
    this.units = units;
    this.distanceBias = distanceBias; // [H, S]
    this.numHeads = numHeads;
    this.headSize = units / numHeads;
    this.span = distanceBias.length / numHeads;
    this.keys = new Float64Array(this.span * units);
    this.values = new Float64Array(this.span * units);
    this.scores = new Float64Array(this.span);
    this.output = new Float64Array(units);
    this.count = 0;
  }

  reset() {
    this.count = 0;
  }

  step(projected) {
    const place = this.count % this.span;
    this.keys.set(projected.subarray(this.units, 2 * this.units), place * this.units);
    this.values.set(projected.subarray(2 * this.units), place * this.units);
    this.count += 1;
    this.output.fill(0);
    for (let head = 0; head < this.numHeads; head++) {
      const total = this.scoreKeys(projected, head, place);
      this.addValues(head, total);
    }
    return this.output;
  }

  // Write exp(score) of each key to `scores`, scaled so that the greatest is 1; returns their sum.
  scoreKeys(query, head, place) {
    const { scores, span, headSize } = this;
    const numKeys = Math.min(this.count, span);
    const begin = head * headSize;
    let top = -Infinity;
    for (let index = 0; index < numKeys; index++) {
      const first = index * this.units + begin;
      let product = 0;
      for (let part = 0; part < headSize; part++) product += query[begin + part] * this.keys[first + part];
      const distance = (place - index + span) % span;
      scores[index] = product / Math.sqrt(headSize) + this.distanceBias[head * span + distance];
      top = Math.max(top, scores[index]);
    }
    let total = 0;
    for (let index = 0; index < numKeys; index++) {
      scores[index] = Math.exp(scores[index] - top);
      total += scores[index];
    }
    return total;
  }

  addValues(head, total) {
    const begin = head * this.headSize;
    const numKeys = Math.min(this.count, this.span);
    for (let index = 0; index < numKeys; index++) {
      const share = this.scores[index] / total;
      const first = index * this.units + begin;
      for (let part = 0; part < this.headSize; part++) {
        this.output[begin + part] += share * this.values[first + part];
      }
    }
  }
}

// A residual block of the cell mingru or attention: one part that mixes notes over time, and two dense layers.
export class ResidualBlock {
  constructor(weights, name) {
    this.weights = (part) => weights[`${name}/${part}`].values;
    const [units, width] = weights[`${name}/outer/kernel`].shape;
    const distance = weights[`${name}/distance`];
    const conv = weights[`${name}/conv/kernel`];
    this.mixing = distance ? new Attention(units, distance.values, distance.shape[0]) : new MinGRU(units);
    this.conv = conv ? new CausalConvolution(conv.values, conv.shape[1]) : null;
    this.normalized = new Float64Array(width);
    this.projected = new Float64Array(3 * units);
    this.up = new Float64Array(2 * width);
  }

  reset() {
    this.mixing.reset();
    this.conv?.reset();
  }

  // Read one note x [D], which becomes the output.
  step(x) {
    const { weights, normalized, projected, up } = this;
    normalize(x, weights("norm1/scale"), normalized);
    projected.set(weights("inner/bias"));
    multiplyAdd(normalized, weights("inner/kernel"), projected);
    this.conv?.step(projected);
    multiplyAdd(this.mixing.step(projected), weights("outer/kernel"), x);
    normalize(x, weights("norm2/scale"), normalized);
    up.set(weights("up/bias"));
    multiplyAdd(normalized, weights("up/kernel"), up);
    applyQuickGelu(up);
    multiplyAdd(up, weights("down/kernel"), x);
  }
}
