// The page of an exported model: the core of the studio, without a server.

import { Controls } from "./controls.js";
import { Duet, now } from "./duet.js";
import { FallingNotes } from "./fallingNotes.js";
import { Keyboard } from "./keyboard.js";
import { LocalControls } from "./localControls.js";
import { connectButtons, getElement } from "./pageButtons.js";
import { ModelClient } from "/web/modelClient.js";
import { Synth } from "/web/synth.js";

const STATUS_TEXTS = {
  waiting: "Your turn: play a few notes, then wait for the answer. Or let it play.",
  playing: "The model plays. Play, and it listens.",
  paused: "The model is paused. Play by yourself, or let it play.",
};

function showLoading() {
  getElement("play").disabled = true;
  getElement("play").textContent = "Let it play";
  getElement("status").textContent = "Loading the model …";
}

function showState(duet) {
  getElement("status").textContent = STATUS_TEXTS[duet.state];
  getElement("play").textContent = duet.state === "playing" ? "Pause the model" : "Let it play";
  getElement("play").classList.toggle("paused", duet.state !== "playing");
}

function stopAllNotes(duet) {
  duet.keyboard.releaseAll();
  duet.pause();
  duet.synth.stopAll();
}

function addListeners(duet) {
  duet.addEventListener("change", () => showState(duet));
  duet.addEventListener("error", ({ message }) => (getElement("status").textContent = message));
  getElement("play").addEventListener("click", () => (duet.state === "playing" ? duet.pause() : duet.play()));
  connectButtons(duet.keyboard, duet.synth, () => stopAllNotes(duet));
  addEventListener("pointerup", () => duet.synth.start()); // on a touch screen only the end of a touch permits sound
}

// Names of controls that do nothing to a model.
function listIdleControls({ features, recall }) {
  const idle = [];
  if (!features.some(({ name }) => name === "velocity")) idle.push("velocity_temperature", "velocity_top_p");
  if (!recall) idle.push("recall_bonus");
  return idle;
}

function addControls(client, duet, data) {
  const localControls = new LocalControls(client, duet, data);
  localControls.addEventListener("controls", () => showState(duet)); // a refused change is named until the next one
  localControls.addEventListener("refused", ({ message }) => (getElement("status").textContent = message));
  const { sliders } = new Controls(localControls);
  localControls.welcome();
  for (const name of listIdleControls(data.blob)) sliders.get(name).input.parentElement.hidden = true;
}

function describeModel({ title, about }) {
  document.querySelector("h1").textContent = title;
  getElement("about").textContent = `${about} It runs in this page: nothing that you play leaves your machine.`;
}

async function openPage() {
  showLoading();
  const data = JSON.parse(getElement("data").textContent);
  describeModel(data);
  if (!window.AudioContext) throw new Error("This browser has no Web Audio, so it plays no sound. Open the page in another browser.");
  const client = new ModelClient(getElement("worker").textContent);
  await client.ask({ type: "load", blob: data.blob, settings: data.settings });
  const synth = new Synth();
  const keyboard = new Keyboard(getElement("piano"), () => Number(getElement("velocity").value));
  const duet = new Duet(client, synth, keyboard, new FallingNotes(getElement("roll"), keyboard, { now }));
  addListeners(duet);
  addControls(client, duet, data);
  showState(duet);
  getElement("play").disabled = false;
}

openPage().catch((error) => (getElement("status").textContent = error.message));
