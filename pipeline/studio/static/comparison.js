// A comparison of two models, A and B: both answer each phrase of the person in turn, and the person says which is better.

import { request } from "./connection.js";

const MIN_NOTE_SECONDS = 0.01;
const ROLES = ["A", "B"];
const ONE_MODEL = "There is only one model here. Train others with dvc repro, and start the studio in the folder of that project.";

function countTimes(count) {
  return count === 1 ? "once" : `${count} times`;
}

// Dispatches "start", "end", and "error" with `text`. `getRest` returns the seconds of silence that end a phrase.
export class Comparison extends EventTarget {
  models = null; // { A, B } while it runs
  offered = ""; // names of the models in the lists
  isBlind = false;
  preferred = { A: 0, B: 0 };
  round = 0; // of phrases that were answered
  phrase = [];
  held = new Map(); // pitch of a key that is down to its note
  answers = null; // { A, B }, notes of each, once both are there
  attempt = 0; // another number whenever an answer has to stop

  constructor(keyboard, player, getRest, elements) {
    super();
    Object.assign(this, { keyboard, player, getRest, ...elements });
    keyboard.addEventListener("noteOn", ({ pitch, velocity }) => this.onNoteOn(pitch, velocity));
    keyboard.addEventListener("noteOff", ({ pitch }) => this.onNoteOff(pitch));
    this.startButton.addEventListener("click", () => (this.models ? this.finish() : this.start()));
    this.againButton.addEventListener("click", () => this.playAnswers());
    for (const role of ROLES) this.preferButtons[role].addEventListener("click", () => this.prefer(role));
  }

  get isRunning() {
    return this.models !== null;
  }

  // What is chosen before it starts.
  get settings() {
    return [...Object.values(this.selects), this.blind];
  }

  get secondsNow() {
    return performance.now() / 1000;
  }

  // Offer the models { name: { label } } as A and B, while none are compared.
  updateModels(models) {
    const names = Object.keys(models);
    if (this.models || names.join() === this.offered) return;
    this.offered = names.join();
    const isAlone = names.length < 2;
    for (const control of [this.startButton, ...this.settings]) control.disabled = isAlone;
    this.say(isAlone ? ONE_MODEL : "");
    ROLES.forEach((role, index) => {
      const select = this.selects[role];
      const chosen = select.value || names[Math.min(index, names.length - 1)];
      select.replaceChildren(...names.map((name) => new Option(models[name].label, name)));
      select.value = names.includes(chosen) ? chosen : names[0];
    });
  }

  say(text) {
    this.status.textContent = text;
  }

  start() {
    const chosen = ROLES.map((role) => this.selects[role].value);
    if (chosen[0] === chosen[1]) return this.say("Choose two different models.");
    this.isBlind = this.blind.checked;
    if (this.isBlind && Math.random() < 0.5) chosen.reverse();
    this.models = { A: chosen[0], B: chosen[1] };
    this.preferred = { A: 0, B: 0 };
    this.round = 0;
    this.setRunning(true);
    this.dispatchEvent(new Event("start"));
    this.listen(this.isBlind ? "" : `A is ${this.models.A}, B is ${this.models.B}. `);
  }

  setRunning(isRunning) {
    for (const control of this.settings) control.disabled = isRunning;
    this.startButton.textContent = isRunning ? "Finish" : "Start comparing";
  }

  listen(before = "") {
    this.phrase = [];
    this.answers = null;
    this.choices.hidden = true;
    this.say(`${before}Play a phrase, then wait: A and B answer it.`);
  }

  onNoteOn(pitch, velocity) {
    if (!this.models) return;
    if (this.answers) {
      this.stop();
      this.listen();
    }
    this.attempt += 1; // answers to what was played so far come too late
    clearTimeout(this.restTimer);
    this.say("A and B listen …");
    const note = { onset: this.secondsNow, duration: 0, pitch, velocity };
    this.phrase.push(note);
    this.held.set(pitch, note);
  }

  onNoteOff(pitch) {
    const note = this.held.get(pitch);
    if (!note) return;
    this.held.delete(pitch);
    note.duration = Math.max(this.secondsNow - note.onset, MIN_NOTE_SECONDS);
    clearTimeout(this.restTimer);
    if (!this.held.size) this.restTimer = setTimeout(() => this.answer(), 1000 * this.getRest());
  }

  // Get both answers, then play them.
  async answer() {
    if (!this.models || !this.phrase.length) return;
    const attempt = (this.attempt += 1);
    this.say("Waiting for the answers …");
    const start = this.phrase[0].onset;
    const phrase = this.phrase.map((note) => ({ ...note, onset: note.onset - start }));
    const answers = {};
    for (const role of ROLES) {
      const body = JSON.stringify({ model: this.models[role], phrase });
      const response = await request("/answers", { method: "POST", body });
      if (attempt !== this.attempt) return;
      if (!response.ok) return this.fail(await response.text());
      answers[role] = (await response.json()).notes;
    }
    if (attempt !== this.attempt) return;
    this.answers = answers;
    this.round += 1;
    await this.playAnswers();
  }

  // A refused phrase does not name the model while it is blind.
  fail(text) {
    this.listen();
    this.dispatchEvent(Object.assign(new Event("error"), { text: this.isBlind ? "A model could not answer; play again, or finish" : text }));
  }

  // Play A and B, in every second round B and A: what is heard last is liked better.
  async playAnswers() {
    this.player.stop();
    const attempt = (this.attempt += 1);
    this.choices.hidden = false;
    for (const role of this.round % 2 ? ROLES : [...ROLES].reverse()) {
      this.say(`${role} answers.`);
      await this.playAnswer(this.answers[role]);
      if (attempt !== this.attempt) return;
    }
    this.say("Which answer is better? Or play the phrase again.");
  }

  playAnswer(notes) {
    const seconds = Math.max(0, ...notes.map((note) => note.onset + note.duration));
    return new Promise((resolve) => {
      this.player.addEventListener("end", resolve, { once: true });
      this.player.start(notes, seconds);
    });
  }

  prefer(role) {
    if (!this.answers) return;
    this.stop();
    this.preferred[role] += 1;
    this.listen(`You prefer ${role}. `);
  }

  // End the answer that plays; the choice stays open.
  stop() {
    this.attempt += 1;
    clearTimeout(this.restTimer);
    this.player.stop();
    if (!this.models) return;
    if (this.answers) this.say("Which answer is better? Or play the phrase again.");
    else this.listen();
  }

  finish() {
    this.stop();
    const results = ROLES.map((role) => `${role} is ${this.models[role]}: preferred ${countTimes(this.preferred[role])}.`);
    this.models = null;
    this.answers = null;
    this.phrase = [];
    this.held.clear();
    this.choices.hidden = true;
    this.setRunning(false);
    this.say(results.join(" "));
    this.dispatchEvent(new Event("end"));
  }
}
