// Plays a take on this page: its notes fall to their keys and sound. Times of a take are seconds from its start.

const SHOWN_SECONDS = 8; // before its onset a note is drawn
const LOOKAHEAD_SECONDS = 0.3; // before its onset a note is handed to the sound
const LEAD_SECONDS = 0.6; // before the first note
const MAX_LATE_SECONDS = 1; // after which a note is left out: the page was asleep
const POLL_MS = 50;
const MIN_LIGHT_SECONDS = 0.05; // that a key is lit

let noteCount = 0;
function makeNoteId() {
  noteCount += 1;
  return `take-${noteCount}`;
}

// Dispatches "end" when the take has ended or was stopped.
export class TakePlayer extends EventTarget {
  timer = 0;
  lightTimers = new Set();
  notes = []; // of the take that plays, with onsets of the server's clock

  constructor(synth, keyboard, fallingNotes, connection) {
    super();
    Object.assign(this, { synth, keyboard, fallingNotes, connection });
  }

  get isPlaying() {
    return this.timer !== 0;
  }

  // Play notes { performer, pitch, velocity, onset, duration } in order of time.
  start(notes, seconds) {
    this.stop();
    this.synth.start();
    const start = this.connection.now() + LEAD_SECONDS;
    this.notes = notes.map((note) => ({ ...note, note_id: makeNoteId(), isTake: true, onset: start + note.onset }));
    this.end = Math.max(start + seconds, ...this.notes.map((note) => note.onset + note.duration));
    this.drawnCount = 0;
    this.soundedCount = 0;
    this.timer = setInterval(() => this.advance(), POLL_MS);
  }

  advance() {
    const now = this.connection.now();
    while (this.hasNoteBefore(this.drawnCount, now + SHOWN_SECONDS)) this.fallingNotes.add(this.notes[this.drawnCount++]);
    while (this.hasNoteBefore(this.soundedCount, now + LOOKAHEAD_SECONDS)) this.sound(this.notes[this.soundedCount++]);
    if (now >= this.end) this.finish();
  }

  hasNoteBefore(index, time) {
    return index < this.notes.length && this.notes[index].onset < time;
  }

  sound({ performer, pitch, velocity, onset, duration }) {
    if (onset < this.connection.now() - MAX_LATE_SECONDS) return;
    if (this.synth.isRunning) {
      const time = this.synth.audioTime(this.connection.toLocalTime(onset));
      this.synth.noteOn(pitch, velocity, { time, duration, performer: "take" });
    }
    this.lightAt(onset, pitch, performer);
    this.lightAt(onset + Math.max(duration, MIN_LIGHT_SECONDS), pitch, null);
  }

  // Light a key, or end its light.
  lightAt(time, pitch, performer) {
    const timer = setTimeout(() => {
      this.lightTimers.delete(timer);
      this.keyboard.highlight(pitch, performer);
    }, 1000 * Math.max(0, time - this.connection.now()));
    this.lightTimers.add(timer);
  }

  stop() {
    if (!this.isPlaying) return;
    const now = this.connection.now();
    this.lightTimers.forEach(clearTimeout);
    this.lightTimers.clear();
    this.synth.stopAll("take");
    for (const note of this.notes) {
      this.fallingNotes.cut(note, now);
      this.keyboard.highlight(note.pitch, null);
    }
    this.finish();
  }

  finish() {
    clearInterval(this.timer);
    this.timer = 0;
    this.dispatchEvent(new Event("end"));
  }
}
