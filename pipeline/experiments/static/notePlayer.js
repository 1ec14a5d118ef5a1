// Plays one list of notes at a time. Notes are struck a little ahead by the clock of the sound itself.
const AHEAD = 0.25;
const EVERY = 60;

class NotePlayer {
  synth = new Synth();
  timer = null;

  // Play notes for some seconds; `onFrame` gets the share that is over, and null at the end.
  play(notes, seconds, onFrame) {
    this.stop();
    this.synth.start();
    Object.assign(this, { notes, seconds, onFrame, next: 0, start: this.synth.now + 0.06 });
    this.timer = setInterval(() => this.strike(), EVERY);
    this.strike();
    this.draw();
  }

  strike() {
    const until = this.synth.now - this.start + AHEAD;
    while (this.next < this.notes.length && this.notes[this.next].onset < until) {
      const note = this.notes[this.next++];
      const time = Math.max(this.start + note.onset, this.synth.now);
      this.synth.noteOn(note.pitch, note.velocity, { time, duration: note.held });
    }
    if (this.synth.now - this.start > this.seconds) this.stop();
  }

  draw() {
    if (this.timer === null) return;
    this.onFrame(Math.min(Math.max((this.synth.now - this.start) / this.seconds, 0), 1));
    requestAnimationFrame(() => this.draw());
  }

  stop() {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
    this.synth.stopAll();
    this.onFrame(null);
  }
}
