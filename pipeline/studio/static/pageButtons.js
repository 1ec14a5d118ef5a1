// What buttons and keys do on both pages: that of the studio and that of an exported model.

export const getElement = (id) => document.getElementById(id);

// Connect the buttons of the keyboard, the volume, and Escape and Space; `stopAllNotes` ends all notes and pauses the model.
export function connectButtons(keyboard, synth, stopAllNotes) {
  getElement("lower").addEventListener("click", () => keyboard.shift(-1));
  getElement("higher").addEventListener("click", () => keyboard.shift(1));
  getElement("sustain").addEventListener("click", () => keyboard.movePedal(!keyboard.pedalDown));
  keyboard.addEventListener("pedal", () => getElement("sustain").setAttribute("aria-pressed", keyboard.pedalDown));
  getElement("volume").addEventListener("input", ({ target }) => synth.setVolume(Number(target.value)));
  getElement("panic").addEventListener("click", stopAllNotes);
  addEventListener("keydown", (event) => {
    const closesDialog = event.target.closest?.("dialog");
    if (event.code === "Escape" && !closesDialog) stopAllNotes();
    if (!isSpaceFree(event)) return;
    event.preventDefault();
    getElement("play").click();
  });
  document.querySelectorAll("select").forEach(leaveAfterChoice);
  leaveAfterClick();
}

// Letters choose in a list, digits count in a number, and both play everywhere else: after a choice by hand, back to playing.
export function leaveAfterChoice(field) {
  field.addEventListener("pointerdown", () => (field.dataset.hand = "yes"));
  field.addEventListener("change", () => field.dataset.hand && field.blur());
  field.addEventListener("keydown", () => delete field.dataset.hand);
}

// A button that was clicked gives the focus back, so that Space pauses the model and does not press it again. A button
// that was pressed by a key keeps it.
function leaveAfterClick() {
  let isPointer = false;
  addEventListener("pointerdown", () => (isPointer = true), true);
  addEventListener("keydown", () => (isPointer = false), true);
  addEventListener("click", () => {
    const { activeElement } = document;
    if (isPointer && activeElement.matches("button, [type=radio], [type=checkbox]")) activeElement.blur();
  });
}

// Whether Space does nothing else where a key is pressed: a slider knows no Space.
function isSpaceFree({ code, target, repeat }) {
  return code === "Space" && !repeat && (target === document.body || target.type === "range");
}
