// The piano roll. The present is its lower edge, at the keyboard: what sounded rises from its key and fades, and what the
// model will play falls to its key.

import { prepareCanvas, readColor } from "./canvas.js";
import { HIGHEST_PITCH, LOWEST_PITCH, isBlack } from "./keyboard.js";

const SPEED = 95; // pixels in a second
const FAINTEST = 0.2; // opacity of what is about to leave the roll at the top
const MAX_NOTES = 1500;
const STILL_MS = 1000; // between two pictures for a person who prefers less motion
const COLORS = ["roll", "lane", "now", "human", "model", "preview", "edge"];

export class FallingNotes {
  notes = new Map(); // number of a note to the note
  preview = null; // the note that the model means to play next
  nextFrame = 0; // time of the next picture [ms]
  reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas, keyboard, connection) {
    this.canvas = canvas;
    this.keyboard = keyboard;
    this.connection = connection;
    keyboard.addEventListener("layout", () => this.measure());
    new ResizeObserver(() => this.measure()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.measure());
    const drawFrame = (time) => {
      if (time >= this.nextFrame) this.drawAt(time);
      requestAnimationFrame(drawFrame);
    };
    requestAnimationFrame(drawFrame);
  }

  // Draw at the time of a frame [ms]. Notes move with each frame, or once a second where less motion is preferred.
  drawAt(time) {
    this.nextFrame = this.reducedMotion.matches ? time + STILL_MS : 0;
    this.draw();
  }

  // Read sizes and colors of the page.
  measure() {
    this.nextFrame = 0;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.ctx = prepareCanvas(this.canvas);
    this.colors = Object.fromEntries(COLORS.map((name) => [name, readColor(name)]));
    const piano = this.keyboard.container;
    this.pianoLeft = piano.offsetLeft - this.canvas.offsetLeft;
    this.pianoWidth = piano.clientWidth;
    this.columns = new Map();
    for (let pitch = 0; pitch < 128; pitch++) this.columns.set(pitch, this.columnOf(pitch));
  }

  // Left edge and width of a pitch; pitches that the piano does not show are squeezed into the margins.
  columnOf(pitch) {
    const { lowest, highest } = this.keyboard;
    if (pitch < lowest) {
      const share = Math.max(0, pitch - LOWEST_PITCH) / Math.max(1, lowest - LOWEST_PITCH);
      return [this.pianoLeft * share, 3];
    }
    if (pitch > highest) {
      const margin = this.width - this.pianoLeft - this.pianoWidth;
      const share = Math.min(1, (pitch - highest) / Math.max(1, HIGHEST_PITCH - highest));
      return [this.width - 3 - margin * (1 - share), 3];
    }
    const [left, width] = this.keyboard.keyPosition(pitch);
    return [this.pianoLeft + left * this.pianoWidth, width * this.pianoWidth];
  }

  add(note) {
    this.notes.set(note.note_id, note);
    if (this.notes.size > MAX_NOTES) this.notes.delete(this.notes.keys().next().value);
  }

  setBits(noteId, bits) {
    const note = this.notes.get(noteId);
    if (note) note.bits = bits;
  }

  // Without those of a take, which end by themselves.
  liveNotes() {
    return [...this.notes.values()].filter((note) => !note.isTake);
  }

  modelNotes() {
    return this.liveNotes().filter((note) => note.performer === "model");
  }

  endHumanNote(noteId, end) {
    const note = this.notes.get(noteId);
    if (note) note.duration = Math.max(end - note.onset, 0.01);
  }

  // The model's note of a pitch ends, maybe before its time.
  endModelNote(pitch, time) {
    for (const note of this.modelNotes()) {
      const sounds = note.onset <= time && note.onset + note.duration > time;
      if (note.pitch === pitch && sounds) note.duration = time - note.onset;
    }
  }

  // All notes of the model end, and those that were to come do not start.
  endModelNotes(time) {
    this.preview = null;
    for (const note of this.modelNotes()) this.cut(note, time);
  }

  endAll(time) {
    this.preview = null;
    for (const note of this.liveNotes()) this.cut(note, time);
  }

  cut(note, time) {
    if (note.onset > time) this.notes.delete(note.note_id);
    else note.duration = Math.min(note.duration ?? Infinity, time - note.onset);
  }

  draw() {
    if (!this.width) return;
    const { ctx, colors } = this;
    const now = this.connection.now();
    ctx.fillStyle = colors.roll;
    ctx.fillRect(0, 0, this.width, this.height);
    this.drawLanes();
    for (const note of this.notes.values()) this.drawNote(note, now);
    if (this.preview && this.preview.onset > now) this.drawPreview(this.preview, now);
    ctx.fillStyle = colors.now;
    ctx.fillRect(0, this.height - 2, this.width, 2);
  }

  drawLanes() {
    const { ctx, colors } = this;
    for (let pitch = this.keyboard.lowest; pitch <= this.keyboard.highest; pitch++) {
      const [left, width] = this.columns.get(pitch);
      if (isBlack(pitch)) {
        ctx.fillStyle = colors.lane;
        ctx.fillRect(left, 0, width, this.height);
      } else if (pitch % 12 === 0) {
        ctx.fillStyle = colors.edge;
        ctx.fillRect(left, 0, 1, this.height);
      }
    }
  }

  // The position of a time on the roll, past or to come: the further from now, the higher.
  yOf(time, now) {
    return this.height - Math.abs(now - time) * SPEED;
  }

  // Upper and lower edge of a note: all of one that is to come; of others what has sounded so far.
  edgesOf(note, end, now) {
    if (note.onset > now) return [Math.max(this.yOf(end, now), -20), this.yOf(note.onset, now)];
    return [Math.max(this.yOf(note.onset, now), -20), this.yOf(Math.min(end, now), now)];
  }

  drawNote(note, now) {
    const end = note.duration === null ? now : note.onset + note.duration;
    const [top, bottom] = this.edgesOf(note, end, now);
    if (bottom < 0) {
      if (note.onset <= now) this.notes.delete(note.note_id);
      return;
    }
    const { ctx } = this;
    const [left, width] = this.columns.get(note.pitch);
    const sounds = note.onset <= now && now <= end;
    ctx.fillStyle = this.colors[note.performer];
    if (sounds) {
      ctx.globalAlpha = 0.22; // a halo; a blurred shadow costs a slow machine its frames
      this.fillRounded(left - 4, top - 5, Math.max(width + 8, 13), Math.max(bottom - top + 10, 14));
    }
    const nearness = FAINTEST + ((1 - FAINTEST) * bottom) / this.height;
    ctx.globalAlpha = (0.45 + (0.55 * note.velocity) / 127) * nearness;
    this.fillRounded(left + 1, top, Math.max(width - 2, 3), Math.max(bottom - top, 4));
    ctx.globalAlpha = 1;
    if (note.bits !== undefined) this.drawBits(note.bits, left + width / 2, top);
  }

  // Write the bits of a note above it.
  drawBits(bits, middle, top) {
    const { ctx, colors } = this;
    const text = bits.toFixed(1);
    ctx.font = "600 10.5px system-ui, sans-serif";
    const width = ctx.measureText(text).width + 6;
    const left = Math.max(0, Math.min(this.width - width, middle - width / 2));
    ctx.fillStyle = colors.roll;
    ctx.globalAlpha = 0.85;
    this.fillRounded(left, top - 16, width, 14);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colors.human;
    ctx.fillText(text, left + 3, top - 5);
  }

  drawPreview(note, now) {
    const { ctx } = this;
    const [left, width] = this.columns.get(note.pitch);
    const bottom = Math.max(this.yOf(note.onset, now), 6);
    const height = Math.min(Math.max(note.duration * SPEED, 5), bottom - 2);
    ctx.strokeStyle = this.colors.preview;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([4, 3]);
    this.addRounded(left + 1.5, bottom - height, Math.max(width - 3, 3), height);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  fillRounded(x, y, width, height) {
    this.addRounded(x, y, width, height);
    this.ctx.fill();
  }

  addRounded(x, y, width, height) {
    this.ctx.beginPath();
    this.ctx.roundRect(x, y, width, height, Math.min(4, width / 2, height / 2));
  }
}
