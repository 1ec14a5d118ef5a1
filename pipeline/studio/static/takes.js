// The list of takes: each can be played here, renamed, kept, downloaded and discarded.

import { request } from "./connection.js";
import { renderWav } from "./wav.js";

const formatCount = (count) => `${count} note${count === 1 ? "" : "s"}`;

export function downloadBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

function makeElement(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

// Dispatches "error" with `text`, "play" before a take plays, and "end" after it.
export class Takes extends EventTarget {
  rows = new Map(); // id of a take to the elements of its row
  takes = [];
  playingId = null;

  constructor(connection, player, card, list) {
    super();
    Object.assign(this, { connection, player, card, list });
    connection.addEventListener("welcome", ({ message }) => this.update(message.state.takes));
    connection.addEventListener("state", ({ message }) => this.update(message.takes));
    connection.addEventListener("error", () => this.update(this.takes)); // a name that was refused
    player.addEventListener("end", () => this.onEnd());
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
    if (this.playingId && !ids.includes(this.playingId)) this.player.stop();
    for (const take of takes) this.updateRow(take);
  }

  updateRow(take) {
    if (!this.rows.has(take.take_id)) this.addRow(take.take_id);
    const { name, length, play, keep } = this.rows.get(take.take_id);
    if (document.activeElement !== name) name.value = take.name;
    length.textContent = `${formatCount(take.notes)}, ${take.seconds.toFixed(1)} s`;
    play.textContent = this.playingId === take.take_id ? "Stop" : "Replay";
    keep.disabled = take.is_kept;
    keep.textContent = take.is_kept ? "Kept" : "Keep";
  }

  // The newest take is the first of the list.
  addRow(id) {
    const element = makeElement("li", { className: "take" });
    const name = makeElement("input", { type: "text", maxLength: 60, autocomplete: "off", ariaLabel: "Name of the take" });
    const length = makeElement("span", { className: "note" });
    const buttons = makeElement("div", { className: "take-buttons" });
    name.addEventListener("change", () => this.connection.send({ type: "rename_take", take_id: id, name: name.value }));
    name.addEventListener("keydown", ({ code }) => code === "Enter" && name.blur());
    const row = { element, name, length };
    row.play = this.addButton(buttons, "Replay", () => this.togglePlay(id));
    row.keep = this.addButton(buttons, "Keep", () => this.connection.send({ type: "keep_take", take_id: id }));
    this.addButton(buttons, "MIDI", () => this.downloadMidi(id));
    this.addButton(buttons, "WAV", (button) => this.downloadWav(id, button));
    this.addButton(buttons, "Discard", () => this.connection.send({ type: "discard_take", take_id: id }));
    element.append(name, length, buttons);
    this.list.prepend(element);
    this.rows.set(id, row);
  }

  addButton(container, text, act) {
    const button = makeElement("button", { type: "button", textContent: text });
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

  async togglePlay(id) {
    const wasPlaying = this.playingId === id;
    this.player.stop();
    if (wasPlaying) return;
    const take = await (await this.load(id, "json"))?.json();
    if (!take) return;
    this.dispatchEvent(new Event("play"));
    this.player.start(take.notes, take.seconds);
    this.playingId = id;
    this.update(this.takes);
  }

  onEnd() {
    if (!this.playingId) return;
    this.playingId = null;
    this.update(this.takes);
    this.dispatchEvent(new Event("end"));
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
