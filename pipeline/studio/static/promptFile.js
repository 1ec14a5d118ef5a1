// A MIDI file that the model continues: chosen or dragged onto the page, then drawn, with its length.

import { prepareCanvas, readColor } from "./canvas.js";
import { request } from "./connection.js";
import { formatCount, formatSeconds } from "./formats.js";
import { pitchName } from "./keyboard.js";

const DRAGGING = "dragging"; // class of the page while a file is over it
const MARGIN_PITCHES = 2; // above and below the notes
const MIN_NOTE_WIDTH = 1.5; // pixels
const MAX_BYTES = 1 << 20; // of a file, as in pipeline/studio/app.py: the browser does not show the answer to a larger one

const hasFile = (event) => event.dataTransfer?.types.includes("Files");

// Dispatches "error" with `text`.
export class PromptFile extends EventTarget {
  prompt = null; // as the server describes it
  shown = { textContent: "", hidden: true }; // text of the last file that was read

  constructor(input, canvas, text) {
    super();
    Object.assign(this, { input, canvas, text });
    input.addEventListener("change", () => this.upload(input.files[0]));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.addDragListeners();
  }

  addDragListeners() {
    const page = document.body.classList;
    addEventListener("dragover", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault(); // or the browser would open the file
      page.add(DRAGGING);
    });
    addEventListener("dragleave", (event) => event.relatedTarget || page.remove(DRAGGING));
    addEventListener("drop", (event) => {
      page.remove(DRAGGING);
      if (!hasFile(event)) return;
      event.preventDefault();
      this.upload(event.dataTransfer.files[0]);
    });
  }

  async upload(file) {
    if (!file) return;
    Object.assign(this.text, { textContent: `Reading ${file.name} …`, hidden: false });
    try {
      this.show(file.name, await this.send(file));
    } catch (error) {
      Object.assign(this.text, this.shown);
      this.showError(`The model cannot play on from ${file.name}: ${error.message}`);
    }
    this.input.value = "";
  }

  // Send a file to the server; return how it describes the music.
  async send(file) {
    if (file.size > MAX_BYTES) throw new Error("the file has more than 1 MB; choose a smaller MIDI file");
    const body = await file.arrayBuffer().catch(() => {
      throw new Error("it cannot be read; choose a MIDI file");
    });
    const response = await request("/prompt", { method: "POST", body });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  showError(text) {
    this.dispatchEvent(Object.assign(new Event("error"), { text }));
  }

  show(name, prompt) {
    this.prompt = prompt;
    const count = prompt.roll.length;
    const whole = `${formatCount(prompt.notes, "note")}, ${formatSeconds(prompt.seconds)}`;
    const part = `the last ${formatCount(count, "note")}, ${formatSeconds(prompt.read_seconds)}`;
    const textContent = `${name}: ${whole}. The model read ${count < prompt.notes ? part : "all of it"}.`;
    this.shown = { textContent, hidden: false };
    Object.assign(this.text, this.shown);
    const pitches = prompt.roll.map(([, , pitch]) => pitch);
    const [lowest, highest] = [Math.min(...pitches), Math.max(...pitches)].map(pitchName);
    this.canvas.setAttribute("aria-label", `Piano roll: ${formatCount(count, "note")} from ${lowest} to ${highest}`);
    this.canvas.hidden = false;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!this.prompt || !width) return;
    const ctx = prepareCanvas(this.canvas);
    ctx.fillStyle = readColor("model");
    const { roll, read_seconds: seconds } = this.prompt;
    const pitches = roll.map(([, , pitch]) => pitch);
    const lowest = Math.min(...pitches) - MARGIN_PITCHES;
    const rowHeight = height / (Math.max(...pitches) + MARGIN_PITCHES - lowest + 1);
    for (const [onset, duration, pitch] of roll) {
      const noteWidth = Math.max((width * duration) / seconds, MIN_NOTE_WIDTH);
      const top = height - (pitch - lowest + 1) * rowHeight;
      ctx.fillRect((width * onset) / seconds, top, noteWidth, Math.max(rowHeight - 0.5, 1));
    }
  }
}
