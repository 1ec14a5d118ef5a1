// The equivariant part of a pitch head: two convolutions over the 128 pitches, as
// pipeline/models/numpy/pitch_convolution.py computes them.
// Shapes: H width of the hidden vector, F features of a pitch, C channels, K size of the kernels.

import { NUM_PITCHES, advanceActive } from "./activeNotes.js";
import { addScaledRow, applyQuickGelu, multiplyAdd, sigmoid } from "./modelLayers.js";
import { advanceAges } from "./pitchAges.js";

export class PitchConvolution {
  constructor(blob, weights) {
    this.blob = blob;
    this.weights = (name) => weights[`pitch_conv/${name}`].values;
    this.size = weights["pitch_conv/output_kernel"].shape[0];
    this.numChannels = weights["pitch_conv/input_bias"].shape[0];
    this.numFeatures = 3 + blob.age_decay_cells.length;
    this.active = new Float64Array(NUM_PITCHES);
    this.ages = new Float64Array(NUM_PITCHES);
    this.gate = new Float64Array(this.numChannels);
    this.features = new Float64Array(this.numFeatures);
    this.channels = new Float64Array(NUM_PITCHES * this.numChannels);
    this.rows = Array.from({ length: NUM_PITCHES }, (_, pitch) =>
      this.channels.subarray(pitch * this.numChannels, (pitch + 1) * this.numChannels),
    );
  }

  // Add the logits of the next note to `logits` [128]; `context` is as of `CategoricalHeads.sampleNote`.
  addLogits(context, step, logits) {
    advanceActive(context.active, step, this.active);
    advanceAges(context.ages, step, this.blob.max_age, this.ages);
    for (const row of this.rows) row.set(this.weights("input_bias"));
    for (let pitch = 0; pitch < NUM_PITCHES; pitch++) this.spreadFeatures(pitch, context.lastPitch);
    this.applyGate(context.hidden);
    applyQuickGelu(this.channels);
    for (let pitch = 0; pitch < NUM_PITCHES; pitch++) logits[pitch] += this.sumNeighbors(pitch);
  }

  // Add what one pitch gives to the channels of its neighbors.
  spreadFeatures(pitch, lastPitch) {
    this.computeFeatures(pitch, lastPitch);
    const kernel = this.weights("input_kernel"); // [K, F, C]
    for (let feature = 0; feature < this.numFeatures; feature++) {
      const value = this.features[feature];
      if (value === 0) continue;
      for (let place = 0; place < this.size; place++) {
        const row = this.rows[pitch + (this.size >> 1) - place];
        if (row) addScaledRow(kernel, place * this.numFeatures + feature, value, row);
      }
    }
  }

  // Write whether a pitch sounds, how near its end is, how long ago it was struck by each decay, and whether it is the
  // pitch of the note before.
  computeFeatures(pitch, lastPitch) {
    const { features, blob } = this;
    const [cells, age] = [this.active[pitch], this.ages[pitch]];
    features[0] = cells > 0 ? 1 : 0;
    features[1] = cells > 0 ? Math.exp(-cells / blob.decay_cells) : 0;
    blob.age_decay_cells.forEach((decay, index) => {
      features[2 + index] = age < blob.max_age ? Math.exp(-age / decay) : 0;
    });
    features[this.numFeatures - 1] = pitch === lastPitch ? 1 : 0;
  }

  // Multiply each channel by a gate that the hidden vector sets.
  applyGate(hidden) {
    this.gate.set(this.weights("gate/bias"));
    multiplyAdd(hidden, this.weights("gate/kernel"), this.gate);
    for (let channel = 0; channel < this.numChannels; channel++) {
      const factor = sigmoid(this.gate[channel]);
      for (const row of this.rows) row[channel] *= factor;
    }
  }

  sumNeighbors(pitch) {
    const kernel = this.weights("output_kernel"); // [K, C]
    let sum = 0;
    for (let place = 0; place < this.size; place++) {
      const row = this.rows[pitch + place - (this.size >> 1)];
      if (!row) continue;
      for (let channel = 0; channel < this.numChannels; channel++) {
        sum += row[channel] * kernel[place * this.numChannels + channel];
      }
    }
    return sum;
  }
}
