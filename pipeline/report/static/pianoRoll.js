// Piano rolls: time across, pitch up, loudness as strength of color, the prompt in gray, a line where the music is.
const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;

function color(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// Room for the names of octaves at the left and of seconds below [pixels].
const LEFT = 34;
const BELOW = 20;
const TICK_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];

class Roll {
  constructor(canvas, notes, prompt, axes, colorName) {
    Object.assign(this, { canvas, notes, prompt, axes, colorName, at: 0 });
    this.picture = document.createElement("canvas");
    new ResizeObserver(() => this.redraw()).observe(canvas);
    redraws.push(() => this.redraw());
  }

  // Where a time is, in pixels from the left.
  x(seconds) {
    return LEFT + (seconds / this.axes.seconds) * (this.canvas.clientWidth - LEFT);
  }

  // The time at a place.
  secondsAt(x) {
    return ((x - LEFT) / (this.canvas.clientWidth - LEFT)) * this.axes.seconds;
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
    const tall = (height - BELOW) / (this.axes.high - this.axes.low + 1);
    const y = (pitch) => (this.axes.high - pitch) * tall;
    this.drawAxes(pen, width, height - BELOW, (pitch) => y(pitch) + tall);
    const [given, played] = [color("edge"), color(this.colorName)];
    this.notes.forEach((note, number) => {
      pen.fillStyle = number < this.prompt ? given : played;
      pen.globalAlpha = 0.3 + (0.7 * note.velocity) / 127;
      const wide = Math.max(this.x(note.held) - LEFT, 2.5);
      pen.fillRect(this.x(note.onset), y(note.pitch), wide, Math.max(tall * 0.95, 2.5));
    });
    this.line = color("warn");
    this.move(this.at);
  }

  // A line and a name at every C, and at every round number of seconds.
  drawAxes(pen, width, bottom, y) {
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const [rule, soft] = [color("rule"), color("soft")];
    const mark = (name, x, y, atX, atY, wide, tall) => {
      pen.fillStyle = rule;
      pen.fillRect(atX, atY, wide, tall);
      pen.fillStyle = soft;
      pen.fillText(name, x, y);
    };
    pen.textAlign = "right";
    for (const [name, pitch] of Object.entries(this.axes.octaves)) {
      mark(name, LEFT - 6, Math.max(y(pitch), 8), LEFT, y(pitch), width - LEFT, 1);
    }
    pen.textAlign = "center";
    const every = TICK_SECONDS.find((seconds) => this.x(seconds) - LEFT > 60) ?? this.axes.seconds;
    for (let seconds = 0; seconds <= this.axes.seconds; seconds += every) {
      const x = this.x(seconds);
      mark(`${seconds} s`, Math.min(x, width - 16), bottom + BELOW / 2 + 1, x, 0, 1, bottom);
    }
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
    pen.fillRect((this.x(at) - 1) * sharp, 0, 2 * sharp, this.canvas.height - BELOW * sharp);
  }
}
