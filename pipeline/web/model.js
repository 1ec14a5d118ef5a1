// A trained model that reads and plays one note at a time, in a page or in a worker.
// pipeline/export/web_model.py writes the blob; a note is [step, duration, pitch, velocity, pedal], times in
// cells of 10 ms; the pedal is 0 up, 1 held or 2 pressed, and up where it is left out.

import { NUM_PITCHES, addActiveFeatures, advanceActive } from "./activeNotes.js";
import { CategoricalHeads } from "./modelHeads.js";
import { ResidualBlock, addScaledRow, normalize } from "./modelLayers.js";
import { advanceAges } from "./pitchAges.js";
import { PieceMemory } from "./recall.js";

export const MODEL_FORMAT = 2;

export class NoteModel {
  // Take a blob; throws an error if it is of another format or not whole.
  constructor(blob) {
    if (blob.format !== MODEL_FORMAT) {
      throw new Error(`model: format ${blob.format}, but this page reads ${MODEL_FORMAT}; export the model again`);
    }
    const weights = decodeWeights(blob);
    this.blob = blob;
    this.sounding = weights["sounding/kernel"].values;
    this.soundingBias = weights["sounding/bias"].values;
    this.outputScale = weights["norm/scale"].values;
    this.tables = blob.features.map((feature) => weights[`${feature.name}_embedding/embeddings`].values);
    this.blocks = blob.blocks.map((name) => new ResidualBlock(weights, name));
    this.heads = new CategoricalHeads(blob, weights);
    this.memory = blob.recall ? new PieceMemory(blob.recall, findFeature(blob, "step").tokens) : null;
    this.hintTable = weights["recall/embeddings"]?.values;
    this.hint = null;
    this.active = new Float64Array(NUM_PITCHES);
    this.ages = new Float64Array(NUM_PITCHES);
    this.hidden = new Float64Array(this.outputScale.length);
    this.reset();
  }

  // Return to the state before the first note.
  reset() {
    this.active.fill(0);
    this.ages.fill(this.blob.max_age);
    this.lastPitch = null;
    this.memory?.reset();
    this.blocks.forEach((block) => block.reset());
    this.hasContext = false;
  }

  // Read the next note.
  feed(note) {
    const { active, hidden } = this;
    const [step, duration, pitch] = note;
    advanceActive(active, step, active);
    hidden.set(this.soundingBias);
    addActiveFeatures(active, this.blob.decay_cells, this.sounding, hidden);
    this.blob.features.forEach((feature, index) => {
      addScaledRow(this.tables[index], feature.tokens[note[feature.column] ?? 0], 1, hidden);
    });
    if (this.memory) this.readHint(note);
    active[pitch] = duration;
    advanceAges(this.ages, step, this.blob.max_age, this.ages);
    this.ages[pitch] = 0;
    this.lastPitch = pitch;
    for (const block of this.blocks) block.step(hidden);
    normalize(hidden, this.outputScale, hidden);
    this.hasContext = true;
  }

  // Add the embedding of the hint after a note to the hidden vector.
  readHint(note) {
    this.hint = this.memory.addNote(note);
    this.hint.forEach((value, column) => {
      addScaledRow(this.hintTable, this.blob.recall.table_offsets[column] + value, 1, this.hidden);
    });
  }

  // Draw the next note without reading it; `draw` is as of `CategoricalHeads.sampleNote`, `velocity` is of a
  // model that generates none.
  sampleNote(draw, velocity) {
    if (!this.hasContext) throw new Error("model: no note was read yet; feed a prompt of one note or more");
    return this.heads.sampleNote(this, [0, 0, 0, velocity, 0], draw);
  }

  // Draw the next note with a `Sampler`, without reading it.
  drawNote(sampler, velocity) {
    const bonus = sampler.settings.recall_bonus;
    const adjust = (feature, probs) => (feature.name === "pitch" ? this.adjustPitchProbs(probs, bonus) : probs);
    return this.sampleNote((feature, probs) => sampler.sampleFeature(feature, adjust(feature, probs)), velocity);
  }

  // Draw the next note with a `Sampler`, and read it.
  generateNote(sampler, velocity) {
    const note = this.drawNote(sampler, velocity);
    sampler.observe(note);
    this.feed(note);
    return note;
  }

  // With mask_active, a pitch that sounds is not drawn, unless no other has a probability; with recall, the pitches of a hint
  // get a bonus [nats], but those of the last notes: with it a trill would hardly end. The sum of what is returned is not 1.
  adjustPitchProbs(probs, bonus) {
    const adjusted = this.blob.config.mask_active ? this.forbidSounding(probs) : probs.slice();
    if (bonus && this.hint) {
      const recent = this.memory.recent.slice(-this.blob.recall.num_recent);
      for (const pitch of this.hint.slice(1, 3)) {
        if (pitch < adjusted.length && !recent.includes(pitch)) adjusted[pitch] *= Math.exp(bonus);
      }
    }
    return adjusted;
  }

  forbidSounding(probs) {
    const sounding = this.heads.active;
    const allowed = probs.map((prob, pitch) => (sounding[pitch] > 0 ? 0 : prob));
    return allowed.some((prob) => prob > 0) ? allowed : probs.slice();
  }
}

// Return { values, shape } of each weight by name; weights stand one after the other in one base64 text.
function decodeWeights(blob) {
  const bytes = Uint8Array.from(atob(blob.weights), (letter) => letter.charCodeAt(0));
  const count = blob.shapes.reduce((sum, [, shape]) => sum + countValues(shape), 0);
  const size = blob.bytes_per_weight * count;
  if (bytes.length !== size) {
    throw new Error(`model: ${bytes.length} bytes of weights, not ${size}; export the model again`);
  }
  const isHalf = blob.bytes_per_weight === 2;
  const values = isHalf ? Float32Array.from(new Uint16Array(bytes.buffer), decodeHalf) : new Float32Array(bytes.buffer);
  const weights = {};
  let first = 0;
  for (const [name, shape] of blob.shapes) {
    const end = first + countValues(shape);
    weights[name] = { shape, values: values.subarray(first, end) };
    first = end;
  }
  return weights;
}

// Return the finite number of 16 bits: a sign, 5 of an exponent and 10 of a fraction (IEEE 754 binary16).
function decodeHalf(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}

function findFeature(blob, name) {
  return blob.features.find((feature) => feature.name === name);
}

function countValues(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
