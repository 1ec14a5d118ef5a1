// Which notes sound: the cells that remain of each of 128 pitches, as pipeline/notes/active_notes.py has them.

import { addScaledRow } from "./modelLayers.js";

export const NUM_PITCHES = 128;

// Write the cells that remain after a step to `out`, which may be `active`.
export function advanceActive(active, step, out) {
  for (let pitch = 0; pitch < NUM_PITCHES; pitch++) out[pitch] = Math.max(active[pitch] - step, 0);
}

// Add the features of active notes times kernel [256, U] to out [U]: first rows for whether a pitch sounds, then
// for how near its end is.
export function addActiveFeatures(active, decayCells, kernel, out) {
  for (let pitch = 0; pitch < NUM_PITCHES; pitch++) {
    if (active[pitch] === 0) continue;
    addScaledRow(kernel, pitch, 1, out);
    addScaledRow(kernel, NUM_PITCHES + pitch, Math.exp(-active[pitch] / decayCells), out);
  }
}

// Shift the logits of pitches that sound so that together they have the log odds `logOdds` against all others.
export function maskActive(logits, active, logOdds) {
  const silent = logSumExp(logits, (pitch) => active[pitch] === 0);
  const sounding = logSumExp(logits, (pitch) => active[pitch] > 0);
  const shift = silent - sounding + logOdds;
  if (!Number.isFinite(shift)) return;
  for (let pitch = 0; pitch < NUM_PITCHES; pitch++) if (active[pitch] > 0) logits[pitch] += shift;
}

function logSumExp(logits, isSelected) {
  let top = -Infinity;
  for (let index = 0; index < logits.length; index++) if (isSelected(index)) top = Math.max(top, logits[index]);
  if (top === -Infinity) return top;
  let total = 0;
  for (let index = 0; index < logits.length; index++) if (isSelected(index)) total += Math.exp(logits[index] - top);
  return top + Math.log(total);
}
