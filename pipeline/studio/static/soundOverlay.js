// Asks for the click or key that a browser needs before it plays sound.

const START_TIMEOUT = 300; // ms that sound takes to start where the browser allows it without a click
const GESTURES = ["pointerdown", "pointerup", "keydown"]; // on a touch screen only the end of a touch counts

export class SoundOverlay {
  constructor(synth, dialog, button) {
    this.synth = synth;
    this.dialog = dialog;
    for (const type of GESTURES) addEventListener(type, () => synth.start());
    // On a machine without sound output it closes too.
    button.addEventListener("click", () => dialog.close());
    synth.start();
    synth.context.addEventListener("statechange", () => this.update());
    setTimeout(() => this.update(), START_TIMEOUT);
  }

  update() {
    if (this.synth.isRunning) this.dialog.close();
    else if (!this.dialog.open) this.dialog.showModal();
  }
}
