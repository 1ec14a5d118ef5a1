// The controls: their names, their values, and how fast a change acts.

import { formatSeconds } from "./formats.js";
import { pitchName } from "./keyboard.js";
import { getElement, leaveAfterChoice } from "./pageButtons.js";

const REFERENCE_TEMPO = 120; // beats a minute at tempo 1
const toBeatsPerMinute = (tempo) => Math.round(REFERENCE_TEMPO * tempo);
const formatLimit = (unit) => (value) => (value ? `${value}${unit}` : "no limit");
const formatPercent = (value) => `${Math.round(value * 100)} %`;
const formatNumber = (value) => value.toFixed(2);
// Name in messages, label, minimum, maximum, step, format, explanation.
const SLIDERS = [
  ["pitch_temperature", "Pitch temperature", 0.2, 2, 0.05, formatNumber, "Below 1 the expected pitches, above 1 more surprising ones"],
  ["time_temperature", "Time temperature", 0.2, 2, 0.05, formatNumber, "The same for rhythm: when notes come, and how long they are"],
  ["velocity_temperature", "Velocity temperature", 0.2, 2, 0.05, formatNumber, "The same for velocity: how loud each note is"],
  ["pitch_top_p", "Pitch variety (top-p)", 0.5, 1, 0.01, formatPercent, "At 100 % each pitch is possible; lower values leave out the unlikely ones"],
  ["time_top_p", "Time variety (top-p)", 0.5, 1, 0.01, formatPercent, "The same for rhythm"],
  ["velocity_top_p", "Velocity variety (top-p)", 0.5, 1, 0.01, formatPercent, "The same for velocity"],
  ["recall_bonus", "Repetition", 0, 8, 0.25, formatNumber, "How readily the model goes on as the piece went on before; for models that remember it"],
  ["response_delay", "Answer after", 0.3, 4, 0.1, formatSeconds, "The model answers when you have played nothing for so long"],
  ["max_notes_per_second", "Density", 0, 24, 1, formatLimit(" /s"), "Most notes that the model starts in a second"],
  ["max_polyphony", "Polyphony", 0, 16, 1, formatLimit(""), "Most notes of the model that sound at once"],
  ["min_pitch", "Lowest note", 0, 127, 1, pitchName, "Lowest note of the model"],
  ["max_pitch", "Highest note", 0, 127, 1, pitchName, "Highest note of the model"],
];
const CHROMATIC = "chromatic";
const formatTonic = (name) => (name === CHROMATIC ? "any" : name.replace("#", "♯").replace(/^([A-G])b$/, "$1♭"));

// The tonic and the scale of a key; the chromatic one has no scale.
function splitKey(key) {
  const [tonic, ...scale] = key.split(" ");
  return [tonic, scale.join(" ")];
}

// Show the explanation of each row as a tooltip too, and give it to screen readers; a touch screen shows it as text.
function describeRows() {
  document.querySelectorAll(".row > .help, .quiet-line > .help").forEach((help, index) => {
    help.id ||= `help-${index}`;
    const row = help.parentElement;
    row.title = help.textContent;
    for (const control of row.querySelectorAll("input, select, button")) control.setAttribute("aria-describedby", help.id);
  });
}

export class Controls {
  revision = 0; // of the last change of this page
  changeTimes = new Map(); // revision to the time of the change [ms]
  sliders = new Map(); // name to its input, its text and its format

  constructor(connection) {
    this.connection = connection;
    for (const slider of SLIDERS) getElement("sliders").append(this.makeSlider(...slider));
    describeRows();
    getElement("tonic").addEventListener("change", () => {
      this.updateScales(getElement("tonic").value, getElement("scale").value);
      this.changeKey();
    });
    getElement("scale").addEventListener("change", () => this.changeKey());
    const tempoField = getElement("beats-per-minute");
    tempoField.addEventListener("change", () => this.changeTempo());
    leaveAfterChoice(tempoField);
    tempoField.addEventListener("keydown", ({ code }) => code === "Enter" && tempoField.blur());
    getElement("quantize")?.addEventListener("change", () => this.change({ quantize: getElement("quantize").value }));
    getElement("reset").addEventListener("click", () => this.change(this.defaults));
    connection.addEventListener("welcome", ({ message }) => this.onWelcome(message));
    connection.addEventListener("controls", ({ message }) => this.onApplied(message));
    for (const type of ["preview", "note_on"])
      connection.addEventListener(type, ({ message }) => this.onFirstNote(message.revision));
  }

  makeSlider(name, label, min, max, step, format, explanation) {
    const row = Object.assign(document.createElement("div"), { className: "row slider" });
    const labelElement = Object.assign(document.createElement("label"), { textContent: label, htmlFor: name });
    const input = Object.assign(document.createElement("input"), { type: "range", id: name, min, max, step });
    const help = Object.assign(document.createElement("small"), { className: "help", id: `help-${name}`, textContent: explanation });
    const text = document.createElement("span"); // no <output>: that is read aloud, and the slider says its value already
    input.addEventListener("input", () => {
      this.setValue(name, Number(input.value));
      this.change({ [name]: Number(input.value) });
    });
    this.sliders.set(name, { input, text, format });
    row.append(labelElement, input, text, help);
    return row;
  }

  onWelcome({ keys, values, defaults, client_id: clientId }) {
    this.clientId = clientId;
    this.defaults = defaults;
    this.keys = keys.map(splitKey);
    const tonics = [...new Set(this.keys.map(([tonic]) => tonic))];
    getElement("tonic").replaceChildren(...tonics.map((name) => new Option(formatTonic(name), name)));
    this.setValues(values);
  }

  // Offer the scales that people name on a tonic, and choose one of them.
  updateScales(tonic, wanted) {
    const scales = this.keys.filter(([name, scale]) => name === tonic && scale).map(([, scale]) => scale);
    const options = scales.length ? scales.map((name) => new Option(name, name)) : [new Option("all notes", "")];
    getElement("scale").replaceChildren(...options);
    getElement("scale").disabled = !scales.length;
    if (scales.length) getElement("scale").value = scales.includes(wanted) ? wanted : scales[0];
  }

  setValues(values) {
    for (const [name, value] of Object.entries(values)) this.setValue(name, value);
    const [tonic, scale] = splitKey(values.key);
    getElement("tonic").value = tonic;
    this.updateScales(tonic, scale);
  }

  setValue(name, value) {
    if (name === "tempo") this.showTempo(value);
    if (name === "quantize") getElement("quantize").value = value;
    const slider = this.sliders.get(name);
    if (!slider) return;
    slider.input.value = value;
    slider.text.textContent = slider.format(value);
    slider.input.setAttribute("aria-valuetext", slider.text.textContent);
  }

  showTempo(tempo) {
    this.tempo = tempo;
    getElement("beats-per-minute").value = toBeatsPerMinute(tempo);
  }

  // A number that is no tempo goes back to the one that holds.
  changeTempo() {
    const field = getElement("beats-per-minute");
    const isTempo = field.value && field.validity.valid;
    const tempo = isTempo ? Number(field.value) / REFERENCE_TEMPO : this.tempo;
    this.setValue("tempo", tempo);
    if (isTempo) this.change({ tempo });
  }

  changeKey() {
    const tonic = getElement("tonic").value;
    this.change({ key: tonic === CHROMATIC ? tonic : `${tonic} ${getElement("scale").value}` });
  }

  // Sent at once, not after a pause: a browser gives one event in a frame, however fast the hand is.
  change(values) {
    this.revision = Math.max(this.revision + 1, Date.now());
    this.changeTimes.set(this.revision, performance.now());
    this.connection.send({ type: "set_controls", revision: this.revision, values });
  }

  onApplied({ client_id: clientId, revision, values }) {
    const isOwn = clientId === this.clientId;
    if (isOwn && this.changeTimes.has(revision))
      document.body.dataset.appliedAfter = (performance.now() - this.changeTimes.get(revision)).toFixed(1);
    // While the hand still moves, what it set before must not pull the slider back.
    if (!isOwn || revision === this.revision || revision === 0) this.setValues(values);
  }

  // The first note that is drawn under a change: only now the change can be heard.
  onFirstNote(noteRevision) {
    for (const [revision, time] of this.changeTimes) {
      if (revision > noteRevision) continue;
      const milliseconds = performance.now() - time;
      this.changeTimes.delete(revision);
      document.body.dataset.drawnAfter = milliseconds.toFixed(1);
      getElement("latency").textContent = `last change acted in ${milliseconds.toFixed(0)} ms`;
    }
  }
}
