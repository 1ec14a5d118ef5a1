// The page of an exported model: the core of the studio, without a server.

import { Controls, element } from "./controls.js";
import { Duet, now } from "./duet.js";
import { FallingNotes } from "./fallingNotes.js";
import { leaveAfterChoice, leaveAfterEnter } from "./focus.js";
import { Keyboard } from "./keyboard.js";
import { LocalConnection } from "./localConnection.js";
import { ModelClient } from "/web/modelClient.js";
import { Synth } from "/web/synth.js";

const readNumber = (id) => Number(element(id).value);
const VELOCITY_CONTROLS = ["velocity_temperature", "velocity_top_p"];
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

// Connect the controls to the model; one that generates no velocity has no controls of it.
function addControls(client, duet, data) {
  const connection = new LocalConnection(client, duet, data);
  connection.addEventListener("error", ({ text }) => (element("status").textContent = text));
  const { sliders } = new Controls(connection);
  connection.open();
  const hasVelocity = data.blob.features.some(({ name }) => name === "velocity");
  for (const name of VELOCITY_CONTROLS) sliders.get(name).input.parentElement.hidden = !hasVelocity;
  document.querySelectorAll("select").forEach(leaveAfterChoice);
  leaveAfterEnter(element("beats-per-minute"));
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
  const data = JSON.parse(element("model").textContent);
  const client = new ModelClient(element("worker").textContent);
  await client.ask({ type: "load", blob: data.blob, settings: data.settings });
  const synth = new Synth();
  const keyboard = new Keyboard(element("piano"), () => readNumber("velocity"));
  const duet = new Duet(client, synth, keyboard, new FallingNotes(element("roll"), keyboard, { now }));
  addListeners(duet);
  addControls(client, duet, data);
  showState(duet);
  element("play").disabled = false;
}

openPage().catch((error) => (element("status").textContent = error.message));
