// Categorical heads in a chain: step, then pitch given step, then duration, then velocity, then pedal,
// as pipeline/generation/step_heads.py computes them.
// Shapes: H width of the hidden vector, C width of a head, K tokens of a feature, V values of it.

import { NUM_PITCHES, addActiveFeatures, advanceActive, maskActive } from "./activeNotes.js";
import { addScaledRow, applyQuickGelu, multiplyAdd } from "./modelLayers.js";
import { PitchConvolution } from "./pitchConvolution.js";
import { PitchCopy } from "./recall.js";

const READS_ACTIVE = ["pitch", "duration"]; // in the order of the columns of ahead/kernel

export class CategoricalHeads {
  constructor(blob, weights) {
    this.blob = blob;
    this.weights = (name) => weights[name].values;
    this.features = blob.features;
    const numColumns = weights["chain/bias"].values.length;
    this.width = numColumns / this.features.length;
    this.projected = new Float64Array(numColumns);
    this.parts = this.features.map((_, index) =>
      this.projected.subarray(index * this.width, (index + 1) * this.width),
    );
    this.active = new Float64Array(NUM_PITCHES);
    this.activated = new Float64Array(this.width);
    this.logits = this.features.map((feature) => new Float64Array(feature.token_widths.length));
    this.probs = this.features.map((feature) => new Float64Array(feature.tokens.length));
    this.convolution = weights["pitch_conv/input_kernel"] ? new PitchConvolution(blob, weights) : null;
    this.copy = weights["copy/kernel"] ? new PitchCopy(weights) : null;
    this.activeKernels = splitColumns(this.weights("ahead/kernel"), 2 * NUM_PITCHES, this.width);
  }

  // Draw the features of the next note [5] in turn: `draw(feature, probs)` returns a value for probabilities [V], which
  // are overwritten by the next note. `context` is what stands after the note before: hidden [H], active [128], ages [128],
  // lastPitch and hint.
  sampleNote(context, note, draw) {
    this.projected.set(this.weights("chain/bias"));
    multiplyAdd(context.hidden, this.weights("chain/kernel"), this.projected);
    this.features.forEach((feature, index) => {
      const value = draw(feature, this.computeProbs(index, context, note));
      note[feature.column] = value;
      this.condition(index, feature.tokens[value]);
      if (feature.name === "step") this.readActive(context.active, value);
    });
    return note;
  }

  computeProbs(index, context, note) {
    const { name, tokens, token_widths: widths } = this.features[index];
    const [logits, probs] = [this.logits[index], this.probs[index]];
    this.activated.set(this.parts[index]);
    applyQuickGelu(this.activated);
    logits.set(this.weights(`${name}/bias`));
    multiplyAdd(this.activated, this.weights(`${name}/kernel`), logits);
    if (name === "pitch") this.adjustPitchLogits(context, note[0], logits);
    applySoftmax(logits);
    // All values of a token are equally likely.
    for (let value = 0; value < tokens.length; value++) probs[value] = logits[tokens[value]] / widths[tokens[value]];
    if (name === "velocity") probs[0] = 0;
    return probs;
  }

  // Add the logits of a copy and of the convolutions, and mask the pitches that sound, where the model has these.
  adjustPitchLogits(context, step, logits) {
    this.copy?.addLogits(this.activated, context.hint, logits);
    this.convolution?.addLogits(context, step, logits);
    if (this.blob.config.mask_active) maskActive(logits, this.active, this.blob.active_log_odds);
  }

  // Add the embeddings of a feature that was drawn to the features after it.
  condition(index, token) {
    const known = this.features[index].name;
    for (let later = index + 1; later < this.features.length; later++) {
      const table = this.weights(`${this.features[later].name}_given_${known}/embeddings`);
      addScaledRow(table, token, 1, this.parts[later]);
    }
  }

  // Add which notes sound at the onset of the next note, `step` cells later.
  readActive(active, step) {
    advanceActive(active, step, this.active);
    READS_ACTIVE.forEach((name, half) => {
      const index = this.features.findIndex((feature) => feature.name === name);
      addActiveFeatures(this.active, this.blob.decay_cells, this.activeKernels[half], this.parts[index]);
    });
  }
}

function applySoftmax(logits) {
  let top = -Infinity;
  for (const logit of logits) top = Math.max(top, logit);
  let total = 0;
  for (let index = 0; index < logits.length; index++) {
    logits[index] = Math.exp(logits[index] - top);
    total += logits[index];
  }
  for (let index = 0; index < logits.length; index++) logits[index] /= total;
}

// Split a kernel [rows, N width] into N kernels [rows, width].
function splitColumns(kernel, rows, width) {
  const columns = kernel.length / rows;
  return Array.from({ length: columns / width }, (_, part) => {
    const split = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const first = row * columns + part * width;
      split.set(kernel.subarray(first, first + width), row * width);
    }
    return split;
  });
}
