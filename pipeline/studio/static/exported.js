// The page of an exported model, without a server: a person plays a phrase, and the model goes on from it.
// The model reads a phrase when it is over, and draws its notes shortly before they sound.

import { Keyboard } from "/static/keyboard.js";
import { Synth } from "/web/synth.js";

const CELL_SECONDS = 0.01;
const MAX_CELLS = 1000;
const LOOKAHEAD_SECONDS = 0.3; // before its onset a note is drawn
const PAUSE_SECONDS = 1; // without a key, after which the model goes on
const VELOCITY = 80; // of the letter keys, and of a model that generates none
const FIRST_NOTE = [0, 50, 60, VELOCITY]; // read by a model that starts before anyone played

const element = (id) => document.getElementById(id);
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
const toCells = (seconds) => Math.min(MAX_CELLS, Math.max(0, Math.round(seconds / CELL_SECONDS)));

// Sends messages to the worker of the model; each promise is of the answer to one.
class ModelClient {
  pending = new Map();
  count = 0;

  constructor(source) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.onmessage = ({ data }) => this.settle(data);
  }

  ask(message) {
    const id = (this.count += 1);
    this.worker.postMessage({ ...message, id });
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
  }

  settle(answer) {
    const { resolve, reject } = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (answer.type === "error") reject(new Error(answer.message));
    else resolve(answer);
  }
}

class Duet {
  isPlaying = false;
  turn = 0; // changes whenever the model has to stop
  hasContext = false; // whether the model has read a note
  phrase = []; // notes of a person that the model has not read
  lastOnset = 0; // of the last note that was read or played [s of the audio clock]
  modelNotes = 0;

  constructor(client, synth, keyboard) {
    Object.assign(this, { client, synth, keyboard });
    this.voices = new Map(); // by pitch, of the keys that a person holds
    keyboard.addEventListener("noteOn", ({ pitch, velocity }) => this.noteOn(pitch, velocity));
    keyboard.addEventListener("noteOff", ({ pitch }) => this.noteOff(pitch));
  }

  async start() {
    this.synth.start();
    this.isPlaying = true;
    const turn = (this.turn += 1);
    showState(this);
    try {
      await this.readPhrase();
      await this.playNotes(turn);
    } catch (error) {
      element("status").textContent = error.message;
    }
  }

  stop() {
    this.isPlaying = false;
    this.endTurn();
    showState(this);
  }

  endTurn() {
    this.turn += 1;
    this.synth.stopAll("model");
    for (const [pitch, performer] of [...this.keyboard.highlighted]) {
      if (performer === "model") this.keyboard.highlight(pitch, null);
    }
  }

  noteOn(pitch, velocity) {
    this.synth.start();
    this.endTurn();
    this.keyboard.highlight(pitch, "human");
    const onset = this.synth.now;
    const note = { pitch, velocity, onset, end: null };
    this.phrase.push(note);
    this.voices.set(pitch, { note, voice: this.synth.noteOn(pitch, velocity, { performer: "human" }) });
  }

  async noteOff(pitch) {
    const { note, voice } = this.voices.get(pitch) ?? {};
    if (!note) return;
    this.voices.delete(pitch);
    note.end = this.synth.now;
    this.synth.noteOff(voice);
    this.keyboard.highlight(pitch, null);
    const turn = this.turn;
    await sleep(PAUSE_SECONDS);
    if (turn === this.turn && this.voices.size === 0) await this.start();
  }

  // Let the model read what a person played, or a first note.
  async readPhrase() {
    const notes = this.phrase.map((note) => this.quantize(note));
    this.phrase = [];
    if (!this.hasContext && notes.length === 0) notes.push(FIRST_NOTE);
    this.hasContext = true;
    await this.client.ask({ type: "feed", notes });
  }

  quantize({ pitch, velocity, onset, end }) {
    const step = this.hasContext ? toCells(onset - this.lastOnset) : 0;
    this.hasContext = true;
    this.lastOnset = onset;
    return [step, toCells((end ?? this.synth.now) - onset), pitch, velocity];
  }

  // Draw and play notes until the turn ends; the model reads a note when it is about to sound.
  async playNotes(turn) {
    while (turn === this.turn) {
      const { note } = await this.client.ask({ type: "draw", velocity: VELOCITY });
      const onset = Math.max(this.lastOnset + note[0] * CELL_SECONDS, this.synth.now);
      await sleep(Math.max(0, onset - this.synth.now - LOOKAHEAD_SECONDS));
      if (turn !== this.turn) return;
      this.schedule(turn, onset, note);
      await this.client.ask({ type: "feed", notes: [note] });
    }
  }

  schedule(turn, time, [, cells, pitch, velocity]) {
    const duration = cells * CELL_SECONDS;
    this.lastOnset = time;
    this.synth.noteOn(pitch, velocity, { time, duration, performer: "model" });
    this.modelNotes += 1;
    document.body.dataset.modelNotes = this.modelNotes;
    const delay = Math.max(0, time - this.synth.now);
    this.highlightLater(turn, delay, pitch, "model");
    this.highlightLater(turn, delay + Math.max(duration, 0.05), pitch, null);
  }

  async highlightLater(turn, delay, pitch, performer) {
    await sleep(delay);
    if (turn === this.turn) this.keyboard.highlight(pitch, performer);
  }
}

function showState(duet) {
  element("start").textContent = duet.isPlaying ? "Stop the model" : "Let it play";
  element("start").setAttribute("aria-pressed", duet.isPlaying);
  element("status").textContent = duet.isPlaying ? "The model plays" : "The model rests";
}

async function openPage() {
  const { blob, settings } = JSON.parse(element("model").textContent);
  const client = new ModelClient(element("worker").textContent);
  const synth = new Synth();
  const duet = new Duet(client, synth, new Keyboard(element("piano"), () => VELOCITY));
  element("start").addEventListener("click", () => (duet.isPlaying ? duet.stop() : duet.start()));
  element("lower").addEventListener("click", () => duet.keyboard.shift(-1));
  element("higher").addEventListener("click", () => duet.keyboard.shift(1));
  addEventListener("keydown", (event) => event.code === "Escape" && duet.stop());
  await client.ask({ type: "load", blob, settings });
  element("start").disabled = false;
  showState(duet);
}

openPage().catch((error) => (element("status").textContent = error.message));
