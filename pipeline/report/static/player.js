// One player a roll; one of them sounds at a time. Notes are struck a little ahead by the clock of the sound itself.
const AHEAD = 0.25;
const EVERY = 60;
const music = JSON.parse(document.getElementById("music").textContent);
const volume = document.getElementById("volume");
const statusLine = document.getElementById("status");
let synth = null;
let current = null;

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

class Player {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.name;
    [this.button, this.slider, this.time] = [".play", ".seek", ".time"].map((kind) => box.querySelector(kind));
    const sample = music.players[box.dataset.sample];
    this.notes = notesOf(sample.notes);
    this.seconds = Number(this.slider.max);
    this.at = 0;
    const canvas = box.querySelector(".roll");
    // Rolls in one list share their axes; the one of the first screen stands alone.
    const axes = box.closest(".answer") ? { ...music.axes, seconds: this.seconds } : music.axes;
    this.roll = new Roll(canvas, this.notes, sample.prompt, axes, box.dataset.color);
    this.button.addEventListener("click", () => (current === this ? this.pause() : this.play()));
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    canvas.addEventListener("click", (event) => this.seek(this.roll.secondsAt(event.offsetX)));
    this.show();
  }

  play() {
    if (current) current.pause();
    synth ??= new Synth();
    synth.start();
    synth.setVolume(Number(volume.value));
    if (this.at >= this.seconds - 0.05) this.at = 0;
    current = this;
    this.start();
    this.look("Pause", true);
    statusLine.textContent = `Playing ${this.name}`;
  }

  // Begin to strike notes from where the music is.
  start() {
    this.began = synth.now + 0.06 - this.at;
    this.next = this.notes.findIndex((note) => note.onset >= this.at - 0.001);
    if (this.next < 0) this.next = this.notes.length;
    this.timer = setInterval(() => this.ahead(), EVERY);
    this.ahead();
    this.frame();
  }

  ahead() {
    const until = synth.now - this.began + AHEAD;
    while (this.next < this.notes.length && this.notes[this.next].onset < until) {
      const note = this.notes[this.next++];
      const time = Math.max(this.began + note.onset, synth.now);
      synth.noteOn(note.pitch, note.velocity, { time, duration: note.held });
    }
    if (synth.now - this.began > this.seconds) this.finish();
  }

  frame() {
    if (current !== this) return;
    this.at = Math.min(Math.max(synth.now - this.began, 0), this.seconds);
    this.show();
    requestAnimationFrame(() => this.frame());
  }

  stop() {
    clearInterval(this.timer);
    synth.stopAll();
  }

  pause() {
    this.at = Math.min(Math.max(synth.now - this.began, 0), this.seconds);
    this.stop();
    current = null;
    this.look("Play", false);
    this.show();
    statusLine.textContent = `Paused ${this.name}`;
  }

  finish() {
    this.pause();
    this.at = 0;
    this.show();
  }

  seek(at) {
    this.at = Math.min(Math.max(at, 0), this.seconds);
    if (current === this) {
      this.stop();
      this.start();
    }
    this.show();
  }

  look(word, playing) {
    this.box.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", `${word} ${this.name}`);
  }

  show() {
    this.slider.value = this.at;
    this.slider.setAttribute("aria-valuetext", `${Math.floor(this.at)} of ${Math.floor(this.seconds)} seconds`);
    this.time.textContent = `${clock(this.at)} / ${clock(this.seconds)}`;
    this.roll.move(this.at);
  }
}

volume.addEventListener("input", () => {
  if (synth) synth.setVolume(Number(volume.value));
});
for (const box of document.querySelectorAll(".player")) new Player(box);
