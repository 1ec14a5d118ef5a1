// Draw values from distributions under constraints, as pipeline/generation/sampling.py does: what a constraint forbids is
// taken out first, then come temperature and top-p, then one random number.

import { NoteLimits } from "./noteLimits.js";

const MIN_MASS = 1e-300; // sums of probabilities below this are taken as zero

export class Sampler {
  earliestStep = 0; // least step of the next note, besides that of the limits on notes

  // `settings` are those of the section generate.sampling, with `pitches`, the allowed ones upwards, for its key and range,
  // and `max_step` and `max_duration` of the model. `random` returns numbers from 0 to below 1.
  constructor(settings, random = Math.random) {
    this.random = random;
    this.limits = new NoteLimits(settings.max_polyphony, settings.max_notes_per_second);
    this.setSettings(settings);
  }

  // Change the settings between two notes; limits keep the notes that came.
  setSettings(settings) {
    if (settings.pitches.length === 0) throw new Error("sampling: no pitch is allowed; widen the range or change the key");
    this.settings = settings;
    this.limits.setLimits(settings.max_polyphony, settings.max_notes_per_second);
  }

  // Take note of a note, drawn here or played by a person.
  observe([step, duration, pitch]) {
    this.limits.add(step, duration, pitch);
  }

  sampleFeature(feature, probs) {
    if (feature.name === "pitch") {
      const { pitches } = this.settings;
      return pitches[this.drawIndex(feature, Float64Array.from(pitches, (pitch) => probs[pitch]))];
    }
    const [first, end] = this.findRange(feature, probs.length);
    const wantsLonger = sum(probs.subarray(end)) > 0;
    return first + this.drawIndex(feature, probs.slice(first, end), wantsLonger);
  }

  // Return the first value that is allowed and the end of those that are. A step may have to be longer than the longest,
  // to keep the limits on notes; then it is as short as it can be.
  findRange({ name }, size) {
    if (name === "duration") return [0, this.settings.max_duration + 1];
    if (name !== "step") return [0, size];
    const first = Math.max(this.limits.minStep(), this.earliestStep);
    return [first, Math.max(first, this.settings.max_step) + 1];
  }

  // Return an index of the probabilities [V] that are allowed, which are overwritten; `wantsLonger` says whether values
  // that are too long have any.
  drawIndex(feature, probs, wantsLonger = false) {
    if (sum(probs) < MIN_MASS) {
      // The tail of a narrow density rounds to zero; the nearest cell has the most of it.
      probs.fill(feature.is_time ? 0 : 1);
      probs[wantsLonger ? probs.length - 1 : 0] = 1;
    }
    const [temperature, topP] = this.selectSettings(feature);
    if (temperature !== 1) applyTemperature(probs, temperature);
    if (topP < 1) keepTopP(probs, topP);
    return drawCumulative(probs, this.random());
  }

  // Return temperature and top-p of a feature; a rare move of the pedal is as likely as the model has it.
  selectSettings(feature) {
    const { settings } = this;
    if (feature.name === "pedal") return [1, 1];
    if (feature.is_time) return [settings.time_temperature, settings.time_top_p];
    if (feature.name === "velocity") return [settings.velocity_temperature, settings.velocity_top_p];
    return [settings.pitch_temperature, settings.pitch_top_p];
  }
}

// Raise probabilities [V] to the power 1 / temperature; their sum need not be one.
function applyTemperature(probs, temperature) {
  const top = probs.reduce((a, b) => Math.max(a, b), 0);
  for (let index = 0; index < probs.length; index++) probs[index] = (probs[index] / top) ** (1 / temperature);
}

// Set all to zero but the most likely that together reach a share `topP` of all; of equals the first are kept.
function keepTopP(probs, topP) {
  const bound = topP * sum(probs);
  const descending = probs.slice().sort().reverse();
  let count = 0;
  for (let reached = 0; reached < bound && count < descending.length; count++) reached += descending[count];
  const least = descending[count - 1];
  let equals = count - descending.indexOf(least); // of those at the bound, how many are kept
  for (let index = 0; index < probs.length; index++) {
    if (probs[index] < least || (probs[index] === least && equals-- <= 0)) probs[index] = 0;
  }
}

function drawCumulative(probs, share) {
  const bound = share * sum(probs);
  let cumulative = 0;
  let last = -1;
  for (let index = 0; index < probs.length; index++) {
    if (probs[index] > 0) last = index;
    cumulative += probs[index];
    if (cumulative > bound) return index;
  }
  if (last < 0) throw new Error("sampling: probabilities are not numbers; the model is damaged, so export it again");
  return last;
}

function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
