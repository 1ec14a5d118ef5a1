// When the notes of a model end under its sustain pedal, as pipeline/live/scheduler.py has it: a note whose key comes up
// while the pedal is down sounds until the pedal comes up or its key is struck again. Times are seconds of one clock.

const PEDAL_UP = 0;
const PEDAL_HELD = 1; // 2 is pressed: it came down after the note before
const MAX_SUSTAIN_SECONDS = 5; // that a pedal which stays down holds a note after its key came up

export class Sustain {
  isDown = false;
  notes = []; // { pitch, onset, keyUp } and what else the caller needs, of notes whose end is not known

  // `endNote(note, time)` is called once for each note, when its end is known.
  constructor(endNote) {
    this.endNote = endNote;
  }

  // Strike a note, with the pedal where the model has it at the onset; notes come in order of their onsets.
  add(note, pedal) {
    this.settle(note.onset);
    const ends = ({ pitch, keyUp }) => pitch === note.pitch || (pedal !== PEDAL_HELD && keyUp <= note.onset);
    this.endNotes(ends, () => note.onset);
    this.isDown = pedal !== PEDAL_UP;
    this.notes.push(note);
  }

  // End the notes that end up to a time before which no other note is struck.
  settle(time) {
    const findEnd = ({ keyUp }) => (this.isDown ? keyUp + MAX_SUSTAIN_SECONDS : keyUp);
    this.endNotes((note) => findEnd(note) <= time, findEnd);
  }

  // Forget all notes, and let the pedal up.
  clear() {
    this.notes = [];
    this.isDown = false;
  }

  endNotes(isSelected, findEnd) {
    const ended = this.notes.filter(isSelected);
    this.notes = this.notes.filter((note) => !isSelected(note));
    for (const note of ended) this.endNote(note, findEnd(note));
  }
}
