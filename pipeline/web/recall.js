// What models with recall do with what a piece has played before, as pipeline/notes/recall.py and
// pipeline/models/numpy/recall.py have it. A hint is [level, pitch, pitch, step token, duration token].
// Shapes: C width of a head, L levels.

import { NUM_PITCHES } from "./activeNotes.js";
import { addScaledRow, multiplyAdd } from "./modelLayers.js";

// The notes of one piece, as far as hints depend on them. A place is the number of a note.
export class PieceMemory {
  // `settings` are the numbers of pipeline/notes/recall.py, `timeTokens` has the token of each cell.
  constructor(settings, timeTokens) {
    this.settings = settings;
    this.timeTokens = timeTokens;
    this.size = settings.max_distance + 1;
    this.longest = settings.match_lengths.at(-1);
    this.reset();
  }

  reset() {
    this.numNotes = 0;
    this.recent = []; // pitches of the last notes
    this.notes = []; // [pitch, step token, duration token]; note n is at n modulo the size
    this.keys = []; // of the same notes, one key for each level that has enough notes
    this.places = this.settings.match_lengths.map(() => new Map()); // key to the latest note, but for the last note
  }

  // Read the next note; return the hint after it.
  addNote([step, duration, pitch]) {
    const index = this.numNotes % this.size;
    this.forget(this.numNotes - this.size);
    this.notes[index] = [pitch, this.timeTokens[step], this.timeTokens[duration]];
    this.recent = [...this.recent, pitch].slice(-this.longest);
    const keys = this.makeKeys(pitch);
    const level = this.findLevel(keys);
    const hint = level ? this.makeHint(level, this.places[level - 1].get(keys[level - 1]), pitch) : this.settings.no_hint;
    this.remember(this.numNotes - 1);
    this.keys[index] = keys;
    this.numNotes += 1;
    return hint;
  }

  // Return the keys of the last note, equal where the notes up to it are alike.
  makeKeys(lastPitch) {
    const relative = this.recent.map((pitch) => pitch - lastPitch);
    const lengths = this.settings.match_lengths.filter((length) => length <= relative.length);
    return lengths.map((length) => relative.slice(-length).sort((a, b) => a - b).join());
  }

  // Return the level of the longest key that is known; 0 for none.
  findLevel(keys) {
    return 1 + keys.findLastIndex((key, index) => this.places[index].has(key));
  }

  remember(place) {
    if (place < 0) return;
    this.keys[place % this.size].forEach((key, index) => this.places[index].set(key, place));
  }

  forget(place) {
    if (place < 0) return;
    this.keys[place % this.size].forEach((key, index) => {
      if (this.places[index].get(key) === place) this.places[index].delete(key);
    });
  }

  makeHint(level, place, lastPitch) {
    const [pitch] = this.notes[place % this.size];
    const [first, step, duration] = this.notes[(place + 1) % this.size];
    const [second] = this.notes[(place + 2) % this.size];
    const transposed = [first, second].map((other) => other + lastPitch - pitch);
    const pitches = transposed.map((other) => (other >= 0 && other < NUM_PITCHES ? other : NUM_PITCHES));
    return [level, ...pitches, step, duration];
  }
}

// Logits that raise the two pitches of a hint.
export class PitchCopy {
  constructor(weights) {
    this.kernel = weights["copy/kernel"].values; // [C, 2]
    this.byLevel = weights["copy/level"].values; // [L, 2]
    this.strengths = new Float64Array(2);
  }

  // Add to the logits [128] of the next note; `activated` [C] is what the output layer of pitch reads.
  addLogits(activated, [level, ...pitches], logits) {
    this.strengths.fill(0);
    addScaledRow(this.byLevel, level, 1, this.strengths);
    multiplyAdd(activated, this.kernel, this.strengths);
    this.strengths.forEach((strength, index) => {
      if (pitches[index] < NUM_PITCHES) logits[pitches[index]] += strength;
    });
  }
}
