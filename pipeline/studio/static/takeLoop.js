// Plays a take again and again on the keys of the page, so that the model plays along as with a person.

const MIN_SECONDS = 0.5; // of a round
const LEAD_SECONDS = 0.3; // before the first round
const MAX_LATE_SECONDS = 2; // after which a round begins anew: the page was asleep
const EARLY_SECONDS = 0.001; // a timer may end so much too early

// The end of a note in a round: its own, or the next start of its pitch, or the end of the round.
function findEnd({ pitch, onset, duration }, notes, seconds) {
  const next = notes.find((other) => other.pitch === pitch && other.onset > onset);
  return Math.min(onset + duration, next?.onset ?? seconds, seconds);
}

// Dispatches "end" when it was stopped.
export class TakeLoop extends EventTarget {
  timer = 0;
  events = []; // { time, pitch, velocity } in order of time, with velocity 0 at the end of a note
  index = 0; // of the next event
  roundStart = 0;

  // `alignToBeat` returns the time at which a round begins that could begin at a time.
  constructor(keyboard, connection, alignToBeat) {
    super();
    Object.assign(this, { keyboard, connection, alignToBeat });
  }

  get isPlaying() {
    return this.timer !== 0;
  }

  // Play notes { pitch, velocity, onset, duration }; a round lasts `seconds`, or to the nearest beat.
  start(notes, seconds) {
    this.stop();
    const starts = notes.map(({ pitch, velocity, onset }) => ({ time: onset, pitch, velocity }));
    const ends = notes.map((note) => ({ time: findEnd(note, notes, seconds), pitch: note.pitch, velocity: 0 }));
    this.events = [...starts, ...ends].sort((a, b) => a.time - b.time || a.velocity - b.velocity);
    this.seconds = Math.max(seconds, MIN_SECONDS);
    this.beginRound(this.connection.now() + LEAD_SECONDS);
  }

  beginRound(time) {
    this.roundStart = this.alignToBeat(time);
    this.index = 0;
    this.wait();
  }

  get nextTime() {
    return this.roundStart + (this.events[this.index]?.time ?? this.seconds);
  }

  wait() {
    const seconds = Math.max(0, this.nextTime - this.connection.now());
    this.timer = setTimeout(() => this.advance(), 1000 * seconds);
  }

  advance() {
    const now = this.connection.now() + EARLY_SECONDS;
    if (now - this.nextTime > MAX_LATE_SECONDS) {
      this.releaseKeys();
      return this.beginRound(now);
    }
    while (this.index < this.events.length && this.nextTime <= now) this.play(this.events[this.index++]);
    if (this.index === this.events.length && this.nextTime <= now) this.beginRound(this.roundStart + this.seconds);
    else this.wait();
  }

  play({ pitch, velocity }) {
    const holder = `loop ${pitch}`;
    this.keyboard.release(holder);
    if (velocity) this.keyboard.press(holder, pitch, velocity);
  }

  stop() {
    if (!this.isPlaying) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.releaseKeys();
    this.dispatchEvent(new Event("end"));
  }

  releaseKeys() {
    for (const { pitch } of this.events) this.keyboard.release(`loop ${pitch}`);
  }
}
