// Piano rolls: time across, pitch up, loudness as strength of color, the prompt in gray, a line where the music is.
const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;

function color(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

class Roll {
  constructor(canvas, notes, prompt, seconds) {
    Object.assign(this, { canvas, notes, prompt, seconds, at: 0 });
    const pitches = notes.map((note) => note.pitch);
    this.low = Math.min(...pitches) - 2;
    this.high = Math.max(...pitches) + 2;
    this.picture = document.createElement("canvas");
    new ResizeObserver(() => this.redraw()).observe(canvas);
    redraws.push(() => this.redraw());
  }

  // Draw all notes once, off screen; the moving line is drawn over a copy.
  redraw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const sharp = window.devicePixelRatio || 1;
    for (const each of [this.canvas, this.picture]) {
      each.width = width * sharp;
      each.height = height * sharp;
    }
    const pen = this.picture.getContext("2d");
    pen.scale(sharp, sharp);
    const tall = height / (this.high - this.low);
    const y = (pitch) => (this.high - pitch) * tall;
    pen.fillStyle = color("rule");
    for (let pitch = 0; pitch < 128; pitch += 12) {
      if (pitch > this.low && pitch < this.high) pen.fillRect(0, y(pitch) + tall, width, 1);
    }
    const [given, played] = [color("edge"), color("a0")];
    this.notes.forEach((note, number) => {
      pen.fillStyle = number < this.prompt ? given : played;
      pen.globalAlpha = 0.3 + (0.7 * note.velocity) / 127;
      const wide = Math.max((note.held / this.seconds) * width, 2.5);
      pen.fillRect((note.onset / this.seconds) * width, y(note.pitch), wide, Math.max(tall * 0.95, 2.5));
    });
    this.line = color("warn");
    this.move(this.at);
  }

  move(at) {
    this.at = at;
    if (!this.picture.width) return;
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.picture, 0, 0);
    if (at <= 0) return;
    pen.fillStyle = this.line;
    const sharp = window.devicePixelRatio || 1;
    pen.fillRect((at / this.seconds) * this.canvas.width - sharp, 0, 2 * sharp, this.canvas.height);
  }
}
