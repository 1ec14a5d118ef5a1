// Asks for the click or key that a browser needs before it plays sound, and says when it plays none.

import { Synth } from "/web/synth.js";

const START_TIMEOUT = 300; // ms that sound takes to start where the browser allows it without a click
const CLICK_TIMEOUT = 2000; // ms that sound takes to start after a click, on a slow output too
const GESTURES = ["pointerdown", "pointerup", "keydown"]; // on a touch screen only the end of a touch counts
const REFUSED = "The browser plays no sound. Allow sound for this page and check the output of this machine.";
const UNAVAILABLE = "This browser has no Web Audio, so the page is silent. Open it in another browser, or connect MIDI.";

// Of a browser without Web Audio: it is never running.
class SilentSynth extends Synth {
  start() {}
}

export function makeSynth() {
  return window.AudioContext ? new Synth() : new SilentSynth();
}

// Dispatches "error" with `text`.
export class SoundOverlay extends EventTarget {
  constructor(synth, dialog, button) {
    super();
    this.synth = synth;
    this.dialog = dialog;
    for (const type of GESTURES) addEventListener(type, () => synth.start());
    button.addEventListener("click", () => this.onClick());
    synth.start();
    synth.context?.addEventListener("statechange", () => this.update());
    setTimeout(() => this.update(), START_TIMEOUT);
  }

  update() {
    if (!this.synth.context) this.showError(UNAVAILABLE);
    else if (this.synth.isRunning) this.dialog.close();
    else if (!this.dialog.open) this.dialog.showModal();
  }

  // It closes also where no sound starts, so that the page can be used with MIDI.
  onClick() {
    this.dialog.close();
    setTimeout(() => this.synth.isRunning || this.showError(REFUSED), CLICK_TIMEOUT);
  }

  showError(text) {
    this.dispatchEvent(Object.assign(new Event("error"), { text }));
  }
}
