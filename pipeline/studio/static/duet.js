// A person and the model of a page without a server, in turn: the person plays a phrase, and after a rest the model goes
// on from it. Times are seconds of `now`; a note that the model reads is [step, duration, pitch, velocity, pedal] in
// cells. The sound follows the pedal of the model.

import { Sustain } from "/web/sustain.js";

const CELL_SECONDS = 0.01;
const MAX_CELLS = 1000;
const LOOKAHEAD_SECONDS = 0.25; // before its onset a note is handed to the sound, so that a busy page delays none
const POLL_SECONDS = 0.05; // after which a note that waits follows a new tempo
const HELD_SECONDS = 20; // after which a string is silent, as in pipeline/live/call_response.py
const MAX_CONTEXT_NOTES = 512;
const DEFAULT_VELOCITY = 80;
const MIN_NOTE_SECONDS = 0.03; // a note of the model is heard
const FIRST_NOTE = [0, 50, 60, DEFAULT_VELOCITY, 0]; // a model that begins goes on from it

export const now = () => performance.now() / 1000;
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Dispatches "change" when `state` changes, "drawn" when the model has its next note, and "error" with `message`.
export class Duet extends EventTarget {
  state = "waiting"; // for a phrase, or "playing", or "paused"
  tempo = 1;
  restSeconds = 1; // of a person, after which the model goes on
  turn = 0; // another number whenever the model has to stop
  phrase = []; // notes of the person that the model has not read
  heard = []; // { note, onset } of what the model has read
  mustReread = false; // whether it has read a note that then did not sound
  velocity = DEFAULT_VELOCITY; // of the last phrase, for a model that generates none
  noteCount = 0;
  held = new Map(); // pitch to { note, voice } of a key that the person holds
  timers = new Set(); // of keys of the model that will be lit or unlit
  sustain = new Sustain((note, time) => this.endModelNote(note, time));
  restTimer = 0;

  constructor(client, synth, keyboard, fallingNotes) {
    super();
    Object.assign(this, { client, synth, keyboard, fallingNotes });
    keyboard.addEventListener("noteOn", ({ pitch, velocity }) => this.noteOn(pitch, velocity));
    keyboard.addEventListener("noteOff", ({ pitch }) => this.noteOff(pitch));
  }

  get lastOnset() {
    return this.heard.at(-1)?.onset ?? null;
  }

  setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  // Let the model play on until `pause`, or until the person plays.
  async play() {
    this.endTurn();
    this.synth.start();
    this.setState("playing");
    const turn = this.turn;
    try {
      await this.readPhrase();
      await this.playNotes(turn);
    } catch (error) {
      this.pause();
      this.dispatchEvent(Object.assign(new Event("error"), { message: error.message }));
    }
  }

  // End the notes of the model; it does not answer until `play`.
  pause() {
    this.endTurn();
    this.setState("paused");
  }

  noteOn(pitch, velocity) {
    this.synth.start();
    this.endTurn();
    if (this.state === "playing") this.setState("waiting");
    const voice = this.synth.noteOn(pitch, velocity, { performer: "human" });
    const note = this.addNote("human", pitch, velocity, now(), null);
    this.phrase.push(note);
    this.held.set(pitch, { note, voice });
    this.keyboard.highlight(pitch, "human");
    this.waitForRest();
  }

  noteOff(pitch) {
    const { note, voice } = this.held.get(pitch);
    this.held.delete(pitch);
    note.duration = Math.max(now() - note.onset, CELL_SECONDS);
    this.synth.noteOff(voice);
    this.keyboard.highlight(pitch, null);
    this.waitForRest();
  }

  // Let the model answer after the rest of the person, or after a note that is held can no longer be heard.
  waitForRest() {
    clearTimeout(this.restTimer);
    const seconds = this.held.size ? Math.max(this.restSeconds, HELD_SECONDS) : this.restSeconds;
    this.restTimer = setTimeout(() => this.state === "waiting" && this.play(), 1000 * seconds);
  }

  // Stop the model; of what it has read, it has to forget what does not sound.
  endTurn() {
    this.turn += 1;
    clearTimeout(this.restTimer);
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    this.sustain.clear();
    this.synth.stopAll("model");
    this.fallingNotes.endModelNotes(now());
    for (const [pitch, performer] of [...this.keyboard.highlighted]) {
      if (performer === "model") this.keyboard.highlight(pitch, null);
    }
    const kept = this.heard.filter(({ onset }) => onset <= now());
    if (kept.length < this.heard.length) this.mustReread = true;
    this.heard = kept;
  }

  // Let the model read what the person played.
  async readPhrase() {
    const phrase = this.phrase.splice(0);
    const notes = phrase.map((note) => this.remember(this.quantize(note), note.onset));
    if (this.heard.length === 0) notes.push(this.remember(FIRST_NOTE, now()));
    if (phrase.length) this.velocity = Math.round(phrase.reduce((sum, note) => sum + note.velocity, 0) / phrase.length);
    if (!this.mustReread) return this.client.ask({ type: "feed", notes });
    this.mustReread = false;
    await this.client.ask({ type: "reset" });
    return this.client.ask({ type: "feed", notes: this.heard.map(({ note }) => note) });
  }

  quantize({ pitch, velocity, onset, duration }) {
    const step = this.lastOnset === null ? 0 : this.toCells(onset - this.lastOnset);
    return [step, this.toCells(duration ?? now() - onset), pitch, velocity, 0];
  }

  toCells(seconds) {
    const cells = Math.round((seconds * this.tempo) / CELL_SECONDS);
    return Math.min(MAX_CELLS, Math.max(0, cells));
  }

  toSeconds(cells) {
    return (cells * CELL_SECONDS) / this.tempo;
  }

  remember(note, onset) {
    this.heard = [...this.heard, { note, onset }].slice(-MAX_CONTEXT_NOTES);
    return note;
  }

  // Draw and play notes until the turn ends. The first one is to come after the rest.
  async playNotes(turn) {
    let earliestStep = this.toCells(now() - this.lastOnset);
    while (turn === this.turn) {
      const { note } = await this.client.ask({ type: "draw", velocity: this.velocity, earliestStep });
      this.dispatchEvent(new Event("drawn"));
      const onset = await this.waitForNote(turn, note);
      if (turn !== this.turn) return;
      this.remember(note, onset);
      this.schedule(note, onset);
      await this.client.ask({ type: "feed", notes: [note] });
      earliestStep = 0;
    }
  }

  // Show a note as the next one until it has to be handed to the sound; return its onset.
  async waitForNote(turn, [step, cells, pitch]) {
    while (turn === this.turn) {
      const onset = Math.max(this.lastOnset + this.toSeconds(step), now());
      this.fallingNotes.preview = { pitch, onset, duration: this.toSeconds(cells) };
      this.sustain.settle(Math.min(onset, now() + LOOKAHEAD_SECONDS));
      this.extendNotes();
      const seconds = onset - LOOKAHEAD_SECONDS - now();
      if (seconds <= 0) return onset;
      await sleep(Math.min(seconds, POLL_SECONDS));
    }
    return null;
  }

  // Hand a note to the sound, without its end: the notes after it decide how long the pedal holds it.
  schedule([, cells, pitch, velocity, pedal], onset) {
    this.fallingNotes.preview = null;
    const duration = Math.max(this.toSeconds(cells), MIN_NOTE_SECONDS);
    const note = this.addNote("model", pitch, velocity, onset, duration);
    const time = this.synth.audioTime(1000 * onset);
    const voice = this.synth.noteOn(pitch, velocity, { time, performer: "model" });
    const keyUp = onset + duration;
    this.sustain.add({ pitch, onset, keyUp, note, voice }, pedal);
    this.highlightAt(onset, pitch, "model");
  }

  // Draw the notes that the pedal holds up to the present.
  extendNotes() {
    for (const { note, onset, keyUp } of this.sustain.notes) note.duration = Math.max(keyUp, now() + POLL_SECONDS) - onset;
  }

  endModelNote({ pitch, onset, note, voice }, time) {
    note.duration = time - onset;
    this.synth.endAt(voice, this.synth.audioTime(1000 * time));
    this.highlightAt(Math.max(time, onset + POLL_SECONDS), pitch, null);
  }

  addNote(performer, pitch, velocity, onset, duration) {
    const note = { note_id: (this.noteCount += 1), performer, pitch, velocity, onset, duration };
    this.fallingNotes.add(note);
    if (performer === "model") document.body.dataset.modelNotes = Number(document.body.dataset.modelNotes ?? 0) + 1;
    return note;
  }

  // Light a key, or end its light; a key that the person holds stays as it is.
  highlightAt(time, pitch, performer) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.held.has(pitch)) this.keyboard.highlight(pitch, performer);
    }, 1000 * Math.max(0, time - now()));
    this.timers.add(timer);
  }
}
