// The page of an exported model: the core of the studio, without a server.

import { Duet, now } from "./duet.js";
import { FallingNotes } from "./fallingNotes.js";
import { Keyboard } from "./keyboard.js";
import { ModelClient } from "/web/modelClient.js";
import { Synth } from "/web/synth.js";

const element = (id) => document.getElementById(id);
const readNumber = (id) => Number(element(id).value);
const STATUS_TEXTS = {
  waiting: "Your turn: play something, then rest. Or let it play.",
  playing: "The model plays. Play, and it listens.",
  paused: "The model is paused. Play by yourself, or let it play.",
};

function showState(duet) {
  element("status").textContent = STATUS_TEXTS[duet.state];
  element("play").textContent = duet.state === "playing" ? "Pause the model" : "Let it play";
  element("play").classList.toggle("paused", duet.state !== "playing");
}

function setTempo(duet, tempo) {
  duet.tempo = tempo;
  element("tempo-text").textContent = `${tempo.toFixed(2)} ×`;
  element("tempo").setAttribute("aria-valuetext", element("tempo-text").textContent);
}

function stopAllNotes(duet) {
  duet.keyboard.releaseAll();
  duet.pause();
  duet.synth.stopAll();
}

function addListeners(duet) {
  duet.addEventListener("change", () => showState(duet));
  duet.addEventListener("error", ({ message }) => (element("status").textContent = message));
  element("play").addEventListener("click", () => (duet.state === "playing" ? duet.pause() : duet.play()));
  element("panic").addEventListener("click", () => stopAllNotes(duet));
  element("lower").addEventListener("click", () => duet.keyboard.shift(-1));
  element("higher").addEventListener("click", () => duet.keyboard.shift(1));
  element("tempo").addEventListener("input", () => setTempo(duet, readNumber("tempo")));
  element("volume").addEventListener("input", () => duet.synth.setVolume(readNumber("volume")));
  addEventListener("keydown", (event) => {
    if (event.code === "Escape") stopAllNotes(duet);
    if (event.code === "Space" && event.target === document.body && !event.repeat) {
      event.preventDefault();
      element("play").click();
    }
  });
}

async function openPage() {
  const { blob, settings } = JSON.parse(element("model").textContent);
  const client = new ModelClient(element("worker").textContent);
  await client.ask({ type: "load", blob, settings });
  const synth = new Synth();
  const keyboard = new Keyboard(element("piano"), () => readNumber("velocity"));
  const duet = new Duet(client, synth, keyboard, new FallingNotes(element("roll"), keyboard, { now }));
  addListeners(duet);
  setTempo(duet, readNumber("tempo"));
  showState(duet);
  element("play").disabled = false;
}

openPage().catch((error) => (element("status").textContent = error.message));
