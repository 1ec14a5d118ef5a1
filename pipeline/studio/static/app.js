// The page: what comes over the line is drawn and sounded, what a person does goes back.

import { Controls } from "./controls.js";
import { Keys } from "./keyboard.js";
import { Line, request, token } from "./connection.js";
import { Midi } from "./webMidi.js";
import { Roll } from "./fallingNotes.js";
import { Surprise } from "./surprisal.js";
import { Synth } from "./synth.js";

const find = (id) => document.getElementById(id);
const line = new Line();
const synth = new Synth();
const keys = new Keys(find("piano"), () => Number(find("touch").value));
const roll = new Roll(find("roll"), keys, line);
const surprise = new Surprise(find("plot"), find("bits"));
const midi = new Midi(keys, line, { button: find("midi"), ports: find("ports"), out: find("out"), outs: find("outs") });
new Controls(line);

const mine = new Map(); // pitch to the voice of a key that is held here
const theirs = new Map(); // pitch to the voice of the model
const lightTimers = new Set(); // keys that light up when a note that was sent ahead begins
let room = { mode: "call-response", playing: true, turn: false };

// A person plays: heard here at once, told to the server, drawn when it says so.
keys.addEventListener("strike", ({ pitch, velocity }) => {
  synth.wake();
  synth.release(mine.get(pitch));
  mine.set(pitch, synth.strike(pitch, velocity));
  keys.light(pitch, "human");
  line.send({ type: "strike", pitch, velocity });
});
keys.addEventListener("lift", ({ pitch }) => {
  synth.release(mine.get(pitch));
  mine.delete(pitch);
  keys.light(pitch, null);
  line.send({ type: "lift", pitch });
});

// The model plays: frames come ahead of their time.
line.addEventListener("note", ({ frame }) => {
  roll.add(frame);
  if (roll.draft && frame.who === "model") roll.draft = null;
  if (frame.who !== "model") return;
  const at = line.local(frame.onset);
  theirs.set(frame.pitch, synth.strike(frame.pitch, frame.velocity, at, frame.duration));
  midi.note(frame.pitch, frame.velocity, at, frame.duration);
  const timer = setTimeout(() => {
    lightTimers.delete(timer);
    if (!mine.has(frame.pitch)) keys.light(frame.pitch, "model");
  }, Math.max(0, at - performance.now()));
  lightTimers.add(timer);
  document.body.dataset.answered = Number(document.body.dataset.answered ?? 0) + 1;
});
line.addEventListener("off", ({ frame }) => {
  const struck = [...roll.notes.values()].some((note) => note.who === "model" && note.pitch === frame.pitch && note.onset > frame.at - 0.01);
  roll.off(frame.pitch, frame.at);
  if (struck) return; // the key is struck again: that ends the old voice, and the new one stays
  synth.release(theirs.get(frame.pitch), line.local(frame.at));
  theirs.delete(frame.pitch);
  midi.off(frame.pitch);
  if (!mine.has(frame.pitch)) keys.light(frame.pitch, null);
});
line.addEventListener("end", ({ frame }) => {
  const note = roll.notes.get(frame.number);
  if (note) note.duration = Math.max(frame.end - note.onset, 0.01);
});
line.addEventListener("draft", ({ frame }) => (roll.draft = frame));
line.addEventListener("silence", ({ frame }) => {
  roll.silence(frame.at);
  lightTimers.forEach(clearTimeout);
  lightTimers.clear();
  synth.context && synth.silence();
  midi.silence();
  for (const [pitch, who] of [...keys.lit]) if (who === "model") keys.light(pitch, null);
});
line.addEventListener("bits", ({ frame }) => {
  surprise.add(frame);
  const note = roll.notes.get(frame.number);
  if (note) note.bits = frame.total;
});

// The state of the room.
function show(state) {
  room = { ...room, ...state };
  const names = Object.keys(state.models);
  find("model").replaceChildren(...names.map((name) => new Option(name, name)));
  find("model").value = state.model;
  find("about").textContent = state.models[state.model] ?? "";
  document.querySelector(`[name=mode][value=${state.mode}]`).checked = true;
  find("play").textContent = state.playing ? "Pause the model" : "Let it play";
  find("record").setAttribute("aria-pressed", state.recording);
  find("record").lastChild.textContent = state.recording ? "Stop" : "Record";
  taken(state.notes);
  say();
}
function taken(notes) {
  find("take").hidden = !notes;
  find("take").textContent = `Download ${notes} note${notes === 1 ? "" : "s"}`;
}
function say() {
  const callResponse = room.turn ? "The model answers. Play, and it listens." : "Your turn: play something, then rest.";
  const text = { "call-response": callResponse, accompany: "It plays along with you.", solo: "It plays on by itself." }[room.mode];
  find("status").textContent = room.playing ? text : "The model is paused. Play by yourself, or let it play.";
}
function complain(text) {
  find("toast").textContent = text;
  find("toast").hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => (find("toast").hidden = true), 6000);
}
line.addEventListener("hello", ({ frame }) => show(frame));
line.addEventListener("state", ({ frame }) => show(frame));
line.addEventListener("pong", ({ frame }) => taken(frame.notes));
line.addEventListener("turn", ({ frame }) => {
  room.turn = frame.model;
  if (!frame.model) roll.draft = null;
  say();
});
line.addEventListener("error", ({ frame }) => {
  complain(frame.message);
  find("model").value = room.model;
});
line.addEventListener("closed", () => {
  keys.liftAll();
  roll.silence(line.now());
  find("status").textContent = token
    ? "No connection. Is the program still running? If it was started again, open the address that it shows."
    : "Open the address that the terminal shows, with its token.";
});

// Buttons.
find("model").addEventListener("change", (event) => line.send({ type: "model", name: event.target.value }));
for (const select of document.querySelectorAll("select")) {
  // Letters choose in a list and play everywhere else: after a choice by hand, back to playing.
  select.addEventListener("pointerdown", () => (select.dataset.hand = "yes"));
  select.addEventListener("change", () => select.dataset.hand && select.blur());
  select.addEventListener("keydown", () => delete select.dataset.hand);
}
for (const radio of document.querySelectorAll("[name=mode]"))
  radio.addEventListener("change", () => line.send({ type: "mode", mode: radio.value }));
find("play").addEventListener("click", () => line.send({ type: "play", on: !room.playing }));
find("record").addEventListener("click", () => line.send({ type: "record", on: !room.recording }));
find("panic").addEventListener("click", panic);
find("lower").addEventListener("click", () => keys.shift(-1));
find("higher").addEventListener("click", () => keys.shift(1));
find("take").addEventListener("click", download);
find("volume").addEventListener("input", (event) => synth.loud(Number(event.target.value)));
find("prompt").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  const answer = await request("/prompt", { method: "POST", body: file });
  if (!answer.ok) complain(await answer.text());
  target.value = "";
});
async function download() {
  const answer = await request("/take.mid");
  if (!answer.ok) return complain(await answer.text());
  const url = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href: url, download: "take.mid" }).click();
  URL.revokeObjectURL(url);
}
function panic() {
  keys.liftAll();
  synth.context && synth.silence();
  line.send({ type: "panic" });
}
addEventListener("keydown", (event) => {
  if (event.code === "Escape") panic();
  if (event.code === "Space" && event.target === document.body && !event.repeat) {
    event.preventDefault();
    find("play").click();
  }
});
addEventListener("pointerdown", () => synth.wake());
line.open();
