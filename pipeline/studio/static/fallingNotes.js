// The roll: time falls. Above the line of now stands what the model means to play next; below falls what sounded.

import { HIGH, LOW, isBlack } from "./keyboard.js";

const SPEED = 95; // pixels a second
const AHEAD = 0.8; // seconds above the line
const KEPT = 1500; // notes

export class Roll {
  notes = new Map();
  draft = null;

  constructor(canvas, keys, line) {
    this.canvas = canvas;
    this.keys = keys;
    this.line = line;
    this.pen = canvas.getContext("2d");
    keys.addEventListener("layout", () => this.measure());
    new ResizeObserver(() => this.measure()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.measure());
    const frame = () => {
      this.paint();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  measure() {
    const scale = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(document.documentElement);
    this.colour = Object.fromEntries(
      ["roll", "lane", "now", "human", "model", "draft", "edge", "soft"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
    );
    const piano = this.keys.element;
    this.left = piano.offsetLeft - this.canvas.offsetLeft;
    this.span = piano.clientWidth;
    this.places = new Map();
    for (let pitch = 0; pitch < 128; pitch++) this.places.set(pitch, this.column(pitch));
  }

  // Left edge and width of a pitch; what the piano does not show is squeezed into the margins.
  column(pitch) {
    const { first, last } = this.keys;
    if (pitch < first) return [(this.left * Math.max(0, pitch - LOW)) / Math.max(1, first - LOW), 3];
    if (pitch > last) {
      const margin = this.width - this.left - this.span;
      return [this.width - 3 - margin * (1 - Math.min(1, (pitch - last) / Math.max(1, HIGH - last))), 3];
    }
    const [left, width] = this.keys.place(pitch);
    return [this.left + left * this.span, width * this.span];
  }

  add(note) {
    this.notes.set(note.number, note);
    if (this.notes.size > KEPT) this.notes.delete(this.notes.keys().next().value);
  }

  // The model's note of a pitch ended, sooner than planned perhaps.
  off(pitch, at) {
    for (const note of this.notes.values())
      if (note.who === "model" && note.pitch === pitch && note.onset <= at && note.onset + note.duration > at) note.duration = at - note.onset;
  }

  // All ended, and what was to come does not.
  silence(at) {
    this.draft = null;
    for (const note of this.notes.values()) {
      if (note.onset > at) this.notes.delete(note.number);
      else note.duration = Math.min(note.duration ?? Infinity, at - note.onset);
    }
  }

  paint() {
    if (!this.width) return;
    const { pen, colour, width, height } = this;
    const now = this.line.now();
    const line = Math.round(AHEAD * SPEED);
    pen.fillStyle = colour.roll;
    pen.fillRect(0, 0, width, height);
    this.lanes();
    pen.fillStyle = colour.now;
    pen.globalAlpha = 0.03;
    pen.fillRect(0, 0, width, line);
    pen.globalAlpha = 1;
    for (const note of this.notes.values()) this.bar(note, now, line);
    if (this.draft && this.draft.onset > now) this.ghost(now, line);
    pen.fillStyle = colour.now;
    pen.fillRect(0, line - 1, width, 2);
    this.label("next", 8, line - 8);
    this.label("now", 8, line + 15);
  }

  label(text, x, y) {
    this.pen.font = "600 11px system-ui, sans-serif";
    this.pen.fillStyle = this.colour.roll;
    this.pen.globalAlpha = 0.8;
    this.round(x - 4, y - 11, this.pen.measureText(text).width + 8, 15);
    this.pen.fill();
    this.pen.globalAlpha = 1;
    this.pen.fillStyle = this.colour.soft;
    this.pen.fillText(text, x, y);
  }

  lanes() {
    const { pen, colour, height } = this;
    for (let pitch = this.keys.first; pitch <= this.keys.last; pitch++) {
      const [left, wide] = this.places.get(pitch);
      pen.fillStyle = colour.lane;
      if (isBlack(pitch)) pen.fillRect(left, 0, wide, height);
      else if (pitch % 12 === 0) {
        pen.fillStyle = colour.edge;
        pen.fillRect(left, 0, 1, height);
      }
    }
  }

  bar(note, now, line) {
    const end = note.duration === null ? now : note.onset + note.duration;
    const bottom = line + (now - note.onset) * SPEED;
    const top = Math.max(line + (now - end) * SPEED, -20);
    if (top > this.height) {
      this.notes.delete(note.number);
      return;
    }
    const [left, wide] = this.places.get(note.pitch);
    const { pen, colour } = this;
    const sounding = note.onset <= now && now <= end;
    pen.fillStyle = colour[note.who];
    if (sounding) {
      pen.globalAlpha = 0.22; // a halo; a blurred shadow costs a slow machine its frames
      this.round(left - 4, top - 5, Math.max(wide + 8, 13), Math.max(bottom - top + 10, 14));
      pen.fill();
    }
    pen.globalAlpha = (0.45 + (0.55 * note.velocity) / 127) * (sounding ? 1 : 0.9);
    this.round(left + 1, top, Math.max(wide - 2, 3), Math.max(bottom - top, 4));
    pen.fill();
    pen.globalAlpha = 1;
    if (note.bits !== undefined) this.tag(note, left + wide / 2, bottom);
  }

  tag(note, middle, bottom) {
    const { pen, colour } = this;
    const text = note.bits.toFixed(1);
    pen.font = "600 10.5px system-ui, sans-serif";
    const wide = pen.measureText(text).width + 6;
    const left = Math.max(0, Math.min(this.width - wide, middle - wide / 2));
    pen.fillStyle = colour.roll;
    pen.globalAlpha = 0.85;
    this.round(left, bottom + 2, wide, 14);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = colour.human;
    pen.fillText(text, left + 3, bottom + 13);
  }

  ghost(now, line) {
    const { pen, colour, draft } = this;
    const [left, wide] = this.places.get(draft.pitch);
    const bottom = Math.max(line + (now - draft.onset) * SPEED, 6);
    const tall = Math.min(Math.max(draft.duration * SPEED, 5), bottom - 2);
    pen.strokeStyle = colour.draft;
    pen.lineWidth = 1.5;
    pen.setLineDash([4, 3]);
    this.round(left + 1.5, bottom - tall, Math.max(wide - 3, 3), tall);
    pen.stroke();
    pen.setLineDash([]);
  }

  round(x, y, wide, tall) {
    this.pen.beginPath();
    this.pen.roundRect(x, y, wide, tall, Math.min(4, wide / 2, tall / 2));
  }
}
