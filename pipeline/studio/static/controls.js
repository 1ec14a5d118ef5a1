// The controls: what they are called, what they show, and how fast they act.

import { nameOf } from "./keyboard.js";

const limit = (unit) => (value) => (value ? `${value}${unit}` : "no limit");
const percent = (value) => `${Math.round(value * 100)} %`;
const twice = (value) => value.toFixed(2);
const SLIDERS = [
  ["pitch_temperature", "Pitch heat", 0.2, 2, 0.05, twice, "Temperature of pitch: below 1 safer, above 1 wilder"],
  ["time_temperature", "Time heat", 0.2, 2, 0.05, twice, "Temperature of step and duration"],
  ["pitch_top_p", "Pitch focus", 0.5, 1, 0.01, percent, "Share of the likeliest pitches that is kept (top-p)"],
  ["time_top_p", "Time focus", 0.5, 1, 0.01, percent, "Share of the likeliest steps and durations that is kept"],
  ["tempo", "Tempo", 0.25, 4, 0.05, (value) => `${value.toFixed(2)} ×`, "Speed of the music"],
  ["rest", "Rest", 0.3, 4, 0.1, (value) => `${value.toFixed(1)} s`, "Silence after which it answers, in call and response"],
  ["max_notes_per_second", "Density", 0, 24, 1, limit(" /s"), "Notes that may start within a second"],
  ["max_polyphony", "Polyphony", 0, 16, 1, limit(""), "Notes that may sound at once"],
  ["min_pitch", "Lowest", 0, 127, 1, nameOf, "Lowest note"],
  ["max_pitch", "Highest", 0, 127, 1, nameOf, "Highest note"],
];
const find = (id) => document.getElementById(id);

export class Controls {
  number = 0;
  sent = new Map(); // number of a change to when it was made [ms]

  constructor(line) {
    this.line = line;
    this.inputs = new Map();
    for (const slider of SLIDERS) find("sliders").append(this.slider(...slider));
    for (const id of ["tonic", "scale"]) find(id).addEventListener("change", () => this.key(id));
    find("reset").addEventListener("click", () => this.change(this.first));
    line.addEventListener("hello", ({ frame }) => this.begin(frame));
    line.addEventListener("controls", ({ frame }) => this.settled(frame));
    for (const kind of ["draft", "note"]) line.addEventListener(kind, ({ frame }) => this.drawn(frame.change ?? 0));
  }

  slider(name, label, min, max, step, show, title) {
    const row = document.createElement("div");
    row.className = "row slider";
    row.title = title;
    const text = Object.assign(document.createElement("label"), { textContent: label, htmlFor: name });
    const input = Object.assign(document.createElement("input"), { type: "range", id: name, min, max, step });
    const out = document.createElement("span"); // no <output>: that is read aloud, and the slider says its value already
    input.addEventListener("input", () => {
      this.shown(name, Number(input.value));
      this.change({ [name]: Number(input.value) });
    });
    this.inputs.set(name, { input, out, show });
    row.append(text, input, out);
    return row;
  }

  begin({ keys, values, page }) {
    this.page = page;
    this.first ??= values;
    const tonics = [...new Set(keys.map((key) => key.split(" ")[0]))];
    const scales = [...new Set(keys.filter((key) => key.includes(" ")).map((key) => key.slice(key.indexOf(" ") + 1)))];
    const sign = (text) => text.replace("#", "♯").replace(/^([A-G])b$/, "$1♭");
    find("tonic").replaceChildren(...tonics.map((name) => new Option(name === "chromatic" ? "any" : sign(name), name)));
    find("scale").replaceChildren(...scales.map((name) => new Option(name, name)));
    this.show(values);
  }

  show(values) {
    for (const [name, value] of Object.entries(values)) this.shown(name, value);
    const [tonic, ...scale] = values.key.split(" ");
    find("tonic").value = tonic;
    if (scale.length) find("scale").value = scale.join(" ");
    find("scale").disabled = !scale.length;
  }

  shown(name, value) {
    const found = this.inputs.get(name);
    if (!found) return;
    found.input.value = value;
    found.out.textContent = found.show(value);
    found.input.setAttribute("aria-valuetext", found.out.textContent);
  }

  key() {
    const tonic = find("tonic").value;
    this.change({ key: tonic === "chromatic" ? tonic : `${tonic} ${find("scale").value || "major"}` });
  }

  // Sent at once, not after a pause: a browser gives one event a frame, however fast the hand is.
  change(values) {
    this.number = Math.max(this.number + 1, Date.now());
    this.sent.set(this.number, performance.now());
    this.line.send({ type: "set", revision: this.number, values });
  }

  settled(frame) {
    const mine = frame.page === this.page;
    if (mine && this.sent.has(frame.number)) document.body.dataset.settled = (performance.now() - this.sent.get(frame.number)).toFixed(1);
    // While the hand still moves, what it set before must not pull the slider back.
    if (!mine || frame.number === this.number || frame.number === 0) this.show(frame.values);
  }

  // The first note drawn under a change: only now the change is music.
  drawn(change) {
    for (const [number, since] of this.sent) {
      if (number > change) continue;
      const took = performance.now() - since;
      this.sent.delete(number);
      document.body.dataset.drawn = took.toFixed(1);
      find("latency").textContent = `acted in ${took.toFixed(0)} ms`;
    }
  }
}
