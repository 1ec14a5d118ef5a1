// How surprised the model was by the last notes of a person: one bar for each note, in three parts.

import { prepareCanvas, readColor } from "./canvas.js";

const SHOWN_NOTES = 36;
const LABELS = { pitch: "pitch", step: "start", duration: "length" }; // in words of musicians, to whom a step is an interval
const FEATURES = Object.keys(LABELS);
const GRID_BITS = [0, 8, 16, 24, 32];
const AXIS_WIDTH = 22; // pixels

export class SurprisalChart {
  notes = [];
  sum = 0;
  count = 0;

  constructor(canvas, output) {
    this.canvas = canvas;
    this.output = output;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  add(note) {
    this.notes = [...this.notes, note].slice(-SHOWN_NOTES);
    this.sum += note.total;
    this.count += 1;
    const mean = (this.sum / this.count).toFixed(1);
    const parts = FEATURES.map((feature) => `${LABELS[feature]} ${note[feature].toFixed(1)}`).join(", ");
    const text = `Your last note took ${note.total.toFixed(1)} bits: ${parts}. Mean of ${this.count}: ${mean}.`;
    this.output.textContent = mean;
    this.canvas.setAttribute("aria-label", text);
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ctx = prepareCanvas(this.canvas);
    const maxBits = Math.max(16, ...this.notes.map((note) => note.total));
    const area = { left: AXIS_WIDTH, right: width, bottom: height - 5, height: height - 12 };
    drawGrid(ctx, area, maxBits);
    const barWidth = (area.right - area.left) / SHOWN_NOTES;
    this.notes.forEach((note, index) => {
      let y = area.bottom;
      for (const feature of FEATURES) {
        const barHeight = (area.height * Math.max(note[feature], 0)) / maxBits;
        ctx.fillStyle = readColor(feature);
        ctx.fillRect(area.left + index * barWidth + 1, y - barHeight, barWidth - 2, barHeight);
        y -= barHeight;
      }
    });
  }
}

function drawGrid(ctx, area, maxBits) {
  ctx.font = "10px system-ui, sans-serif";
  ctx.textAlign = "right";
  for (const bits of GRID_BITS.filter((value) => value <= maxBits)) {
    const y = area.bottom - (area.height * bits) / maxBits;
    ctx.fillStyle = readColor("edge");
    ctx.fillRect(area.left, y, area.right - area.left, 1);
    ctx.fillStyle = readColor("soft");
    ctx.fillText(bits, area.left - 5, y + 3.5);
  }
}
