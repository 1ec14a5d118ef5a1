// How soon the next note may start under limits on polyphony and density, as pipeline/generation/constraints.py has it.
// Times are cells of 10 ms; a limit of 0 is none.

const CELLS_PER_SECOND = 100;
const MAX_CELLS = 1000; // of a step or a duration
const MAX_POLYPHONY = 128;
const MAX_NOTES_PER_SECOND = 1000;

export class NoteLimits {
  position = 0; // onset of the last note
  activeNotes = []; // { end, onset, pitch } of notes that sound; of more than the highest limit, those that end last
  onsets = []; // of the last second; of more than the highest limit, the last

  constructor(maxPolyphony, maxNotesPerSecond) {
    this.setLimits(maxPolyphony, maxNotesPerSecond);
  }

  setLimits(maxPolyphony, maxNotesPerSecond) {
    this.maxPolyphony = maxPolyphony;
    this.maxNotesPerSecond = maxNotesPerSecond;
  }

  // Return the least step of the next note.
  minStep() {
    return Math.min(MAX_CELLS, Math.max(0, this.findFreeVoice() - this.position, this.findFreeOnset() - this.position));
  }

  findFreeVoice() {
    const { maxPolyphony, activeNotes } = this;
    if (!maxPolyphony || activeNotes.length < maxPolyphony) return 0;
    return activeNotes[activeNotes.length - maxPolyphony].end; // they stand by their ends
  }

  findFreeOnset() {
    const { maxNotesPerSecond, onsets } = this;
    if (!maxNotesPerSecond || onsets.length < maxNotesPerSecond) return 0;
    return onsets[onsets.length - maxNotesPerSecond] + CELLS_PER_SECOND;
  }

  add(step, duration, pitch) {
    const now = (this.position += step);
    this.onsets = this.onsets.filter((onset) => onset > now - CELLS_PER_SECOND);
    this.onsets = [...this.onsets.slice(1 - MAX_NOTES_PER_SECOND), now];
    this.activeNotes = this.activeNotes.filter((note) => note.end > now);
    const doubles = this.activeNotes.filter((note) => note.onset === now && note.pitch === pitch);
    const end = Math.max(now + Math.max(duration, 1), ...doubles.map((note) => note.end));
    // Notes of one pitch and onset are written to end together.
    doubles.forEach((note) => (note.end = end));
    this.activeNotes.push({ end, onset: now, pitch });
    this.activeNotes = this.activeNotes.sort((a, b) => a.end - b.end).slice(-MAX_POLYPHONY);
  }
}
