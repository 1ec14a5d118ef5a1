// The list of takes: each can be played here, once or in a loop, renamed, kept, downloaded and discarded.

import { request } from "./connection.js";
import { formatCount, formatSeconds } from "./formats.js";
import { renderWav } from "./wav.js";

const DOWNLOAD_DURATION = 60_000; // ms in which every browser has begun to read a file

function downloadBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_DURATION);
}

function makeElement(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

const TITLES = {
  replay: "Plays the take on this page; the model rests",
  loop: "Plays the take again and again, and the model plays along",
  Keep: "The take stays in the list",
  MIDI: "Downloads the notes",
  WAV: "Downloads the sound of this page",
  Discard: "Removes the take from the list",
};
const PLAY_TEXTS = { replay: ["Replay", "Stop"], loop: ["Loop", "Stop loop"] }; // before it and while it plays

// Dispatches "error" with `text`, and "play" and "end" with `kind`, replay or loop, before and after a take plays.
export class Takes extends EventTarget {
  rows = new Map(); // id of a take to the elements of its row
  takes = [];
  playing = null; // { id, kind } of the take that plays
  attempt = 0; // another number whenever a take that is loaded must not play

  // `players` plays takes of each kind: each has `start` and `stop`, and dispatches "end".
  constructor(connection, players, card, list) {
    super();
    Object.assign(this, { connection, players, card, list });
    connection.addEventListener("welcome", ({ message }) => this.update(message.state.takes));
    connection.addEventListener("state", ({ message }) => this.update(message.takes));
    connection.addEventListener("error", () => this.update(this.takes)); // a name that was refused
    for (const player of Object.values(players)) player.addEventListener("end", () => this.onEnd());
  }

  update(takes) {
    this.takes = takes;
    this.card.hidden = !takes.length;
    const ids = takes.map((take) => take.take_id);
    for (const [id, row] of this.rows) {
      if (ids.includes(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    if (this.playing && !ids.includes(this.playing.id)) this.stop();
    for (const take of takes) this.updateRow(take);
  }

  updateRow(take) {
    if (!this.rows.has(take.take_id)) this.addRow(take.take_id);
    const { name, length, bar, buttons, keep } = this.rows.get(take.take_id);
    bar.ariaLabel = take.name;
    if (document.activeElement !== name) name.value = take.name;
    length.textContent = `${formatCount(take.notes, "note")}, ${formatSeconds(take.seconds)}`;
    for (const [kind, button] of Object.entries(buttons)) button.textContent = PLAY_TEXTS[kind][Number(this.isPlaying(take.take_id, kind))];
    keep.disabled = take.is_kept;
    keep.textContent = take.is_kept ? "Kept" : "Keep";
  }

  // The newest take is the first of the list.
  addRow(id) {
    const element = makeElement("li", { className: "take" });
    const name = makeElement("input", { type: "text", maxLength: 60, autocomplete: "off", ariaLabel: "Name of the take" });
    const length = makeElement("span", { className: "note" });
    const bar = makeElement("div", { className: "take-buttons", role: "group" });
    name.addEventListener("change", () => this.connection.send({ type: "rename_take", take_id: id, name: name.value }));
    name.addEventListener("keydown", ({ code }) => {
      if (code === "Escape") name.value = this.nameOf(id);
      if (code === "Enter" || code === "Escape") name.blur();
    });
    const row = { element, name, length, bar, buttons: {} };
    for (const kind of Object.keys(this.players)) row.buttons[kind] = this.addButton(bar, kind, () => this.togglePlay(id, kind));
    row.keep = this.addButton(bar, "Keep", () => this.connection.send({ type: "keep_take", take_id: id }));
    this.addButton(bar, "MIDI", () => this.downloadMidi(id));
    this.addButton(bar, "WAV", (button) => this.downloadWav(id, button));
    this.addButton(bar, "Discard", () => this.connection.send({ type: "discard_take", take_id: id }));
    element.append(name, length, bar);
    this.list.prepend(element);
    this.rows.set(id, row);
  }

  addButton(container, text, act) {
    const button = makeElement("button", { type: "button", textContent: text, title: TITLES[text] });
    button.addEventListener("click", () => act(button));
    container.append(button);
    return button;
  }

  nameOf(id) {
    return this.takes.find((take) => take.take_id === id)?.name ?? "take";
  }

  showError(text) {
    this.dispatchEvent(Object.assign(new Event("error"), { text }));
  }

  // Return the response to a request for a take; null after an error.
  async load(id, format) {
    const response = await request(`/takes/${id}.${format}`);
    if (response.ok) return response;
    this.showError(await response.text());
    return null;
  }

  isPlaying(id, kind) {
    return this.playing?.id === id && this.playing.kind === kind;
  }

  stop() {
    this.attempt += 1;
    for (const player of Object.values(this.players)) player.stop();
  }

  async togglePlay(id, kind) {
    const wasPlaying = this.isPlaying(id, kind);
    this.stop();
    if (wasPlaying) return;
    const { attempt } = this;
    const take = await (await this.load(id, "json"))?.json();
    if (!take || attempt !== this.attempt) return;
    this.dispatchEvent(Object.assign(new Event("play"), { kind }));
    this.players[kind].start(take.notes, take.seconds);
    this.playing = { id, kind };
    this.update(this.takes);
  }

  onEnd() {
    if (!this.playing) return;
    const { kind } = this.playing;
    this.playing = null;
    this.update(this.takes);
    this.dispatchEvent(Object.assign(new Event("end"), { kind }));
  }

  async downloadMidi(id) {
    const response = await this.load(id, "mid");
    if (response) downloadBlob(await response.blob(), `${this.nameOf(id)}.mid`);
  }

  async downloadWav(id, button) {
    button.disabled = true;
    button.textContent = "Rendering …";
    try {
      const take = await (await this.load(id, "json"))?.json();
      if (take) downloadBlob(await renderWav(take.notes), `${this.nameOf(id)}.wav`);
    } catch (error) {
      this.showError(error.message);
    }
    button.disabled = false;
    button.textContent = "WAV";
  }
}
