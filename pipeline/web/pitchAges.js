// How long ago each of 128 pitches was last struck, in cells of 10 ms, as pipeline/notes/pitch_ages.py has it.

import { NUM_PITCHES } from "./activeNotes.js";

// Write the ages after a step to `out`, which may be `ages`; a pitch of age `maxAge` counts as never struck.
export function advanceAges(ages, step, maxAge, out) {
  for (let pitch = 0; pitch < NUM_PITCHES; pitch++) out[pitch] = Math.min(ages[pitch] + step, maxAge);
}
