// A click on each beat of the server, higher on the first of a bar, and the number of the beat as text.

const BEATS_PER_BAR = 4;
const LOOKAHEAD_SECONDS = 0.15; // before its time a click is handed to the sound
const POLL_MS = 40;
const PING_DELAY_MS = 60; // after a change of the tempo, which the server follows within 10 ms
const CLICK_SECONDS = 0.05;
const ACCENT_FREQUENCY = 1760, FREQUENCY = 1175; // Hz
const LEVEL = 0.35;

export class Metronome {
  barStart = null; // when a bar begins [s of the server's clock], and null as long as that is not known
  beatSeconds = 0.5;
  lastClick = -Infinity;
  timer = 0;

  constructor(synth, connection, button, text) {
    Object.assign(this, { synth, connection, button, text });
    button.addEventListener("click", () => (this.isOn ? this.stop() : this.start()));
    connection.addEventListener("pong", ({ message }) => this.follow(message));
    for (const type of ["controls", "state"]) connection.addEventListener(type, () => this.isOn && setTimeout(() => connection.ping(), PING_DELAY_MS));
  }

  get isOn() {
    return this.timer !== 0;
  }

  follow({ bar_start: barStart, beat_seconds: beatSeconds }) {
    this.barStart = barStart;
    if (beatSeconds) this.beatSeconds = beatSeconds;
  }

  start() {
    this.synth.start();
    this.connection.ping();
    this.timer = setInterval(() => this.advance(), POLL_MS);
    this.button.setAttribute("aria-pressed", true);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.text.textContent = "";
    this.button.setAttribute("aria-pressed", false);
  }

  // Click the beats that come within the look-ahead. None comes twice when the server moves its beats a little.
  advance() {
    if (this.barStart === null) return;
    const now = this.connection.now();
    const earliest = Math.max(now, this.lastClick + this.beatSeconds / 2);
    for (let beat = this.indexFrom(earliest); this.timeOf(beat) < now + LOOKAHEAD_SECONDS; beat++) {
      this.lastClick = this.timeOf(beat);
      const number = (((beat % BEATS_PER_BAR) + BEATS_PER_BAR) % BEATS_PER_BAR) + 1;
      this.click(this.lastClick, number);
      setTimeout(() => this.isOn && (this.text.textContent = number), 1000 * (this.lastClick - now));
    }
  }

  // Number of the first beat at a time or after it, counted from the start of a bar.
  indexFrom(time) {
    return Math.ceil((time - this.barStart) / this.beatSeconds);
  }

  timeOf(beat) {
    return this.barStart + beat * this.beatSeconds;
  }

  // The time at which a take that loops begins: the beat nearest to a time while the metronome is on, else that time.
  alignToBeat(time) {
    if (!this.isOn || this.barStart === null) return time;
    return this.timeOf(Math.round((time - this.barStart) / this.beatSeconds));
  }

  click(time, number) {
    if (!this.synth.isRunning) return;
    const { context, master } = this.synth;
    const start = this.synth.audioTime(this.connection.toLocalTime(time));
    const frequency = number === 1 ? ACCENT_FREQUENCY : FREQUENCY;
    const oscillator = new OscillatorNode(context, { frequency });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(LEVEL, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + CLICK_SECONDS);
    oscillator.connect(gain).connect(master);
    oscillator.start(start);
    oscillator.stop(start + CLICK_SECONDS);
  }
}
