// The page: messages of the server are drawn and sounded, and what a person does is sent to the server.

import { Comparison } from "./comparison.js";
import { Connection, token } from "./connection.js";
import { Controls } from "./controls.js";
import { FallingNotes } from "./fallingNotes.js";
import { formatCount } from "./formats.js";
import { Keyboard } from "./keyboard.js";
import { Metronome } from "./metronome.js";
import { connectButtons, getElement } from "./pageButtons.js";
import { PromptFile } from "./promptFile.js";
import { SoundOverlay, makeSynth } from "./soundOverlay.js";
import { SurprisalChart } from "./surprisal.js";
import { TakeLoop } from "./takeLoop.js";
import { TakePlayer } from "./takePlayer.js";
import { Takes } from "./takes.js";
import { WebMidi } from "./webMidi.js";

const ERROR_DURATION = 6000; // ms, and what it takes to read a long text
const READING_DURATION = 60; // ms a character
const EMPTY_RECORDING = "The recording has no notes, so there is no take. Play between Record and Stop.";
const connection = new Connection();
const synth = makeSynth();
const keyboard = new Keyboard(getElement("piano"), () => Number(getElement("velocity").value));
const fallingNotes = new FallingNotes(getElement("roll"), keyboard, connection);
const surprisalChart = new SurprisalChart(getElement("plot"), getElement("bits"));
const webMidi = new WebMidi(keyboard, connection, {
  button: getElement("midi"),
  inputNames: getElement("ports"),
  outputSelect: getElement("out"),
  outputRow: getElement("outs"),
});
const metronome = new Metronome(synth, connection, getElement("metronome"), getElement("beat-number"));
const takePlayers = {
  replay: new TakePlayer(synth, keyboard, fallingNotes, connection),
  loop: new TakeLoop(keyboard, connection, (time) => metronome.alignToBeat(time)),
};
const takes = new Takes(connection, takePlayers, getElement("takes-card"), getElement("takes"));
const comparison = new Comparison(
  keyboard,
  new TakePlayer(synth, keyboard, fallingNotes, connection),
  () => Number(getElement("response_delay").value),
  {
    selects: { A: getElement("compare-a"), B: getElement("compare-b") },
    preferButtons: { A: getElement("prefer-a"), B: getElement("prefer-b") },
    againButton: getElement("compare-again"),
    startButton: getElement("compare"),
    blind: getElement("blind"),
    status: getElement("compare-status"),
    choices: getElement("choices"),
  },
);
new Controls(connection);
const promptFile = new PromptFile(getElement("prompt"), getElement("prompt-roll"), getElement("prompt-text"));
const soundOverlay = new SoundOverlay(synth, getElement("sound"), getElement("sound-on"));

const localVoices = new Map(); // pitch to the voice of a key that is held on this page
const modelVoices = new Map(); // pitch to the voice of the model's last note
const unendedNotes = new Map(); // pitch to the number of the model's notes that were announced and whose ends were not told yet
const highlightTimers = new Map(); // pitch to the timer of the model's note that was announced and did not start yet
let state = { mode: "call-response", playing: true, isModelTurn: false };
let errorTimer = 0;
let resumesLater = false; // whether the model played before the take or the comparison that it rests for

// A person plays: the note sounds here at once, goes to the server, and is drawn when that answers.
keyboard.addEventListener("noteOn", ({ pitch, velocity }) => {
  synth.start();
  synth.noteOff(localVoices.get(pitch));
  localVoices.set(pitch, synth.noteOn(pitch, velocity, { performer: "human" }));
  keyboard.highlight(pitch, "human");
  connection.send({ type: "note_on", pitch, velocity });
});
keyboard.addEventListener("noteOff", ({ pitch }) => {
  synth.noteOff(localVoices.get(pitch));
  localVoices.delete(pitch);
  keyboard.highlight(pitch, null);
  connection.send({ type: "note_off", pitch });
});

// The model plays: its notes are announced ahead of their time.
connection.addEventListener("note_on", ({ message }) => {
  fallingNotes.add(message);
  if (message.performer === "model") playModelNote(message);
});
function playModelNote({ pitch, velocity, onset, duration, pedal }) {
  const held = pedal === null ? duration : null; // with a pedal, its note_off ends it
  fallingNotes.preview = null;
  unendedNotes.set(pitch, (unendedNotes.get(pitch) ?? 0) + 1);
  const start = connection.toLocalTime(onset);
  if (synth.isRunning) {
    const time = synth.audioTime(start);
    if (held === null) synth.noteOff(modelVoices.get(pitch), time);
    modelVoices.set(pitch, synth.noteOn(pitch, velocity, { time, duration: held, performer: "model" }));
  }
  webMidi.sendNote(pitch, velocity, start, held);
  clearHighlightTimer(pitch);
  const light = () => {
    highlightTimers.delete(pitch);
    if (!localVoices.has(pitch)) keyboard.highlight(pitch, "model");
  };
  highlightTimers.set(pitch, setTimeout(light, Math.max(0, start - performance.now())));
  document.body.dataset.modelNotes = Number(document.body.dataset.modelNotes ?? 0) + 1;
}
function clearHighlightTimer(pitch) {
  clearTimeout(highlightTimers.get(pitch));
  highlightTimers.delete(pitch);
}
connection.addEventListener("note_off", ({ message: { pitch, time } }) => {
  const unended = Math.max(0, (unendedNotes.get(pitch) ?? 0) - 1);
  unendedNotes.set(pitch, unended);
  fallingNotes.endModelNote(pitch, time);
  if (unended) return; // the next note of this pitch has ended the voice of this one already
  synth.noteOff(modelVoices.get(pitch), synth.isRunning ? synth.audioTime(connection.toLocalTime(time)) : 0);
  modelVoices.delete(pitch);
  clearHighlightTimer(pitch); // on a busy machine the end of a note may come before its timer
  webMidi.sendNoteOff(pitch);
  if (!localVoices.has(pitch)) keyboard.highlight(pitch, null);
});
connection.addEventListener("note_end", ({ message }) => fallingNotes.endHumanNote(message.note_id, message.end));
connection.addEventListener("preview", ({ message }) => (fallingNotes.preview = message));
connection.addEventListener("all_notes_off", ({ message }) => silenceModel(message.time));
function silenceModel(time) {
  fallingNotes.endModelNotes(time);
  [...highlightTimers.keys()].forEach(clearHighlightTimer);
  modelVoices.clear();
  unendedNotes.clear();
  synth.stopAll("model");
  webMidi.endNotes();
  for (const [pitch, performer] of [...keyboard.highlighted]) if (performer === "model") keyboard.highlight(pitch, null);
}
connection.addEventListener("surprisal", ({ message }) => {
  surprisalChart.add(message);
  fallingNotes.setBits(message.note_id, message.total);
});

// The state of the session.
function updateState(changes) {
  const isStopped = state.recording && !changes.recording;
  if (isStopped && !changes.recorded_notes && !keyboard.highlighted.size) showError(EMPTY_RECORDING);
  state = { ...state, ...changes };
  updateModels();
  comparison.updateModels(state.models);
  document.querySelector(`[name=mode][value=${state.mode}]`).checked = true;
  getElement("play").textContent = state.playing ? "Pause the model" : "Let it play";
  getElement("play").classList.toggle("paused", !state.playing);
  getElement("record").setAttribute("aria-pressed", state.recording);
  updateRecord(state.recorded_notes);
  updateStatus();
}
function updateModels() {
  const models = Object.entries(state.models);
  const isBundled = ([, model]) => model.is_bundled;
  const groups = [
    makeModelGroup("Comes with the program", models.filter(isBundled)),
    makeModelGroup("Trained here, best first", models.filter((model) => !isBundled(model))),
  ];
  getElement("model").replaceChildren(...groups.filter((group) => group.children.length));
  getElement("model").value = state.model;
  getElement("about").textContent = state.models[state.model]?.description ?? "";
}
function makeModelGroup(label, models) {
  const group = Object.assign(document.createElement("optgroup"), { label });
  group.append(...models.map(([name, model]) => new Option(model.label, name)));
  return group;
}
function updateRecord(notes) {
  getElement("record").lastChild.textContent = state.recording ? `Stop (${notes})` : "Record";
}
function updateStatus() {
  const callResponse = state.isModelTurn
    ? "The model answers. Play, and it listens."
    : "Your turn: play a few notes, then wait for the answer.";
  const texts = { "call-response": callResponse, accompany: "The model plays along with you.", solo: "The model plays by itself." };
  const paused = "The model is paused. Play by yourself, or let it play.";
  getElement("status").textContent = state.playing ? texts[state.mode] : paused;
}
// What a new page finds changed by earlier ones, until something is changed again.
function showResumed(names) {
  const mode = document.querySelector("[name=mode]:checked + span").textContent;
  const texts = { model: `model ${state.model}`, mode, playing: "the model is paused", recording: "recording" };
  const parts = names.filter((name) => name in texts).map((name) => texts[name]);
  const count = names.length - parts.length;
  if (count) parts.push(`${formatCount(count, "control")} changed`);
  getElement("resumed").hidden = !parts.length;
  getElement("resumed").textContent = `Resumed as it was left: ${parts.join(", ")}.`;
}
function showError(text) {
  getElement("toast").textContent = text;
  getElement("toast").hidden = false;
  clearTimeout(errorTimer);
  errorTimer = setTimeout(() => (getElement("toast").hidden = true), ERROR_DURATION + READING_DURATION * text.length);
}
connection.addEventListener("welcome", ({ message }) => {
  updateState(message.state);
  showResumed(message.resumed);
  letModelResume(); // what ended meanwhile could not tell the server
});
connection.addEventListener("state", ({ message }) => updateState(message));
for (const type of ["state", "controls"])
  connection.addEventListener(type, () => (getElement("resumed").hidden = true));
connection.addEventListener("pong", ({ message }) => updateRecord(message.recorded_notes));
connection.addEventListener("turn", ({ message }) => {
  state.isModelTurn = message.is_model;
  if (!message.is_model) fallingNotes.preview = null;
  updateStatus();
});
connection.addEventListener("error", ({ message }) => {
  showError(message.message);
  getElement("model").value = state.model;
  updateStatus();
});
connection.addEventListener("closed", () => {
  keyboard.releaseAll();
  silenceModel(connection.now()); // the ends of its notes will not be told
  fallingNotes.endAll(connection.now());
  getElement("status").textContent = token
    ? "No connection. Is the program still running? If it was started again, open the address that it shows."
    : "Open the address that the terminal shows, with its token.";
});

connection.addEventListener("dropped", () => fallingNotes.endAll(connection.now())); // the server sends the rest anew

// Buttons and keys.
function stopAllNotes() {
  resumesLater = false;
  takes.stop();
  comparison.stop();
  metronome.stop();
  keyboard.releaseAll();
  silenceModel(connection.now());
  synth.stopAll();
  webMidi.stopAll();
  connection.send({ type: "panic" });
}
// The model rests while a take is replayed, and plays on after it, but not after a panic. It plays along with a loop.
takes.addEventListener("play", ({ kind }) => {
  if (kind === "replay") {
    comparison.stop();
    return letModelRest();
  }
  if (comparison.isRunning) comparison.finish(); // in which the model rests
  connection.send({ type: "set_mode", mode: "accompany" });
  if (!state.playing) connection.send({ type: "set_playing", playing: true });
});
takes.addEventListener("end", letModelResume);
comparison.addEventListener("start", () => {
  takes.stop();
  letModelRest();
});
comparison.addEventListener("end", letModelResume);
function letModelRest() {
  resumesLater ||= state.playing;
  if (state.playing) connection.send({ type: "set_playing", playing: false });
}
function letModelResume() {
  const rests = comparison.isRunning || takes.playing?.kind === "replay";
  if (!resumesLater || rests || !connection.isOpen) return;
  connection.send({ type: "set_playing", playing: true });
  state.playing = true; // before the server says so, another take may begin
  resumesLater = false;
}
for (const part of [takes, promptFile, comparison, soundOverlay]) part.addEventListener("error", ({ text }) => showError(text));
connectButtons(keyboard, synth, stopAllNotes);
for (const radio of document.querySelectorAll("[name=mode]"))
  radio.addEventListener("change", () => connection.send({ type: "set_mode", mode: radio.value }));
getElement("model").addEventListener("change", ({ target }) => {
  getElement("status").textContent = `Loading ${target.value} …`;
  connection.send({ type: "load_model", name: target.value });
});
getElement("play").addEventListener("click", () => {
  resumesLater = false; // from here on the person decides
  connection.send({ type: "set_playing", playing: !state.playing });
});
getElement("record").addEventListener("click", () => connection.send({ type: "set_recording", recording: !state.recording }));
connection.open();
