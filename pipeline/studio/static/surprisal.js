// How surprised the model was by each of a person's last notes: one bar a note, in three parts.

const SHOWN = 36;
const PARTS = ["pitch", "step", "duration"];

export class Surprise {
  notes = [];
  sum = 0;
  count = 0;

  constructor(canvas, output) {
    this.canvas = canvas;
    this.output = output;
    new ResizeObserver(() => this.paint()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  add(bits) {
    this.notes = [...this.notes, bits].slice(-SHOWN);
    this.sum += bits.total;
    this.count += 1;
    this.output.textContent = (this.sum / this.count).toFixed(1);
    this.canvas.setAttribute(
      "aria-label",
      `Your last note took ${bits.total.toFixed(1)} bits: ${PARTS.map((part) => `${part} ${bits[part].toFixed(1)}`).join(", ")}. ` +
        `Mean of ${this.count}: ${this.output.textContent}.`,
    );
    this.paint();
  }

  paint() {
    const scale = devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const top = Math.max(16, ...this.notes.map((bits) => bits.total));
    const left = 22, floor = height - 5, tall = height - 12;
    pen.font = "10px system-ui, sans-serif";
    for (const mark of [0, 8, 16, 24, 32].filter((bits) => bits <= top)) {
      const y = floor - (tall * mark) / top;
      pen.fillStyle = colour("edge");
      pen.fillRect(left, y, width - left, 1);
      pen.fillStyle = colour("soft");
      pen.textAlign = "right";
      pen.fillText(mark, left - 5, y + 3.5);
    }
    const wide = (width - left) / SHOWN;
    this.notes.forEach((bits, place) => {
      let y = floor;
      for (const part of PARTS) {
        const high = (tall * Math.max(bits[part], 0)) / top;
        pen.fillStyle = colour(part);
        pen.fillRect(left + place * wide + 1, y - high, wide - 2, high);
        y -= high;
      }
    });
  }
}
