// The piano of the page. The letter keys, pointers and MIDI keyboards all press and release the same keys.

export const LOWEST_PITCH = 21, HIGHEST_PITCH = 108;
const BLACK_KEYS = [1, 3, 6, 8, 10], WHITE_KEYS = [0, 2, 4, 5, 7, 9, 11]; // semitones above C
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const LETTER_ROWS = [
  ["KeyZ", "KeyS", "KeyX", "KeyD", "KeyC", "KeyV", "KeyG", "KeyB", "KeyH", "KeyN", "KeyJ", "KeyM", "Comma", "KeyL", "Period", "Semicolon", "Slash"],
  ["KeyQ", "Digit2", "KeyW", "Digit3", "KeyE", "KeyR", "Digit5", "KeyT", "Digit6", "KeyY", "Digit7", "KeyU", "KeyI", "Digit9", "KeyO", "Digit0", "KeyP"],
];
const SYMBOLS = { Comma: ",", Period: ".", Semicolon: ";", Slash: "/", Minus: "−", Equal: "=" };
const ALL_WHITE_KEYS = 52; // of a piano
const MIN_KEY_WIDTH = 24; // pixels of a white key, where not all are shown
const BLACK_KEY_WIDTH = 0.62; // of a white key
const MIN_VELOCITY = 20, MAX_VELOCITY = 120; // by touch

export const isBlack = (pitch) => BLACK_KEYS.includes(pitch % 12);
export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
const clamp = (value, min, max) => Math.max(min, Math.min(max, value));

// Dispatches "noteOn" with pitch and velocity, "noteOff" with pitch, "pedal" when the sustain pedal moves, and "layout" when
// other keys are shown.
export class Keyboard extends EventTarget {
  lowest = LOWEST_PITCH; // of the keys that are shown
  highest = HIGHEST_PITCH;
  center = 66;
  letterBase = 48; // pitch of the key Z
  held = new Map(); // what holds a key (a letter key, a pointer, a MIDI key) to its pitch
  highlighted = new Map(); // pitch to who plays it
  pedalDown = false; // the sustain pedal
  sustained = new Set(); // pitches of keys that are up and sound on by the pedal
  letters = new Map(); // code of a letter key to its letter, where the browser tells the layout of the keys

  constructor(container, getVelocity) {
    super();
    this.container = container;
    this.getVelocity = getVelocity;
    new ResizeObserver(() => this.layout()).observe(container.parentElement);
    this.addListeners();
    this.readLetters();
  }

  // Other countries have other letters at the same places.
  async readLetters() {
    this.letters = (await navigator.keyboard?.getLayoutMap().catch(() => null)) ?? this.letters;
    for (const text of document.querySelectorAll("[data-code]")) text.textContent = this.formatCode(text.dataset.code);
    this.draw();
  }

  formatCode(code) {
    return this.letters.get(code)?.toUpperCase() ?? SYMBOLS[code] ?? code.replace(/Key|Digit/, "");
  }

  // Show as many octaves as fit; the rest is reached with the buttons at both ends.
  layout() {
    const width = this.container.parentElement.clientWidth;
    const showsAll = width / ALL_WHITE_KEYS >= 15;
    for (const button of this.container.parentElement.querySelectorAll(".shift")) button.hidden = showsAll;
    if (showsAll) [this.lowest, this.highest] = [LOWEST_PITCH, HIGHEST_PITCH];
    else this.showSome(Math.max(8, Math.floor((width - 56) / MIN_KEY_WIDTH)));
    this.draw();
    this.dispatchEvent(new Event("layout"));
  }

  // Show a number of white keys around the center, from a C on.
  showSome(whiteKeys) {
    const semitones = 12 * Math.floor((whiteKeys - 1) / 7) + WHITE_KEYS[(whiteKeys - 1) % 7];
    const highestC = 108 - 12 * Math.floor(semitones / 12);
    this.lowest = clamp(12 * Math.round((this.center - semitones / 2) / 12), 24, highestC);
    this.highest = Math.min(HIGHEST_PITCH, this.lowest + semitones);
  }

  shift(octaves) {
    this.center = clamp(this.center + 12 * octaves, 30, 102);
    this.layout();
  }

  // Number of white keys that are shown below a pitch.
  countWhiteKeys(pitch) {
    let count = 0;
    for (let key = this.lowest; key < pitch; key++) count += !isBlack(key);
    return count;
  }

  // Left edge and width of a key, as shares of the piano.
  keyPosition(pitch) {
    const whiteWidth = 1 / this.countWhiteKeys(this.highest + 1);
    const left = this.countWhiteKeys(pitch) * whiteWidth;
    if (!isBlack(pitch)) return [left, whiteWidth];
    return [left - (BLACK_KEY_WIDTH / 2) * whiteWidth, BLACK_KEY_WIDTH * whiteWidth];
  }

  draw() {
    this.container.replaceChildren();
    for (let pitch = this.lowest; pitch <= this.highest; pitch++) this.container.append(this.makeKey(pitch));
    for (const [pitch, performer] of this.highlighted) this.highlight(pitch, performer);
  }

  makeKey(pitch) {
    const key = document.createElement("div");
    const [left, width] = this.keyPosition(pitch);
    key.className = `key ${isBlack(pitch) ? "black" : "white"}`;
    key.dataset.pitch = pitch;
    key.style.left = `${left * 100}%`;
    key.style.width = `${width * 100}%`;
    const label = document.createElement("span");
    const letter = this.letterOf(pitch);
    label.textContent = pitch % 12 === 0 ? `${letter}\n${pitchName(pitch)}` : letter;
    key.append(label);
    return key;
  }

  // The letter key that plays a pitch.
  letterOf(pitch) {
    if (matchMedia("(hover: none)").matches) return "";
    const index = pitch - this.letterBase;
    const code = LETTER_ROWS[1][index - 12] ?? (index < 12 ? LETTER_ROWS[0][index] : undefined);
    return code ? this.formatCode(code) : "";
  }

  highlight(pitch, performer) {
    if (performer) this.highlighted.set(pitch, performer);
    else this.highlighted.delete(pitch);
    const key = this.container.querySelector(`[data-pitch="${pitch}"]`);
    key?.classList.toggle("model", performer === "model");
    key?.classList.toggle("human", performer === "human");
  }

  press(holder, pitch, velocity) {
    if (pitch < 0 || pitch > 127 || this.held.get(holder) === pitch) return;
    this.release(holder);
    const isHeldAlready = [...this.held.values()].includes(pitch);
    this.held.set(holder, pitch);
    if (isHeldAlready) return;
    this.endSustained(pitch); // as on a piano: a string that is struck again sounds anew
    this.dispatchEvent(Object.assign(new Event("noteOn"), { pitch, velocity }));
  }

  release(holder) {
    const pitch = this.held.get(holder);
    if (pitch === undefined) return;
    this.held.delete(holder);
    const isStillHeld = [...this.held.values()].includes(pitch);
    if (isStillHeld) return;
    this.sustained.add(pitch);
    if (!this.pedalDown) this.endSustained(pitch);
  }

  endSustained(pitch) {
    if (this.sustained.delete(pitch)) this.dispatchEvent(Object.assign(new Event("noteOff"), { pitch }));
  }

  // Press or lift the sustain pedal: while it is down, keys that come up sound on.
  movePedal(isDown) {
    this.pedalDown = isDown;
    if (!isDown) this.sustained.forEach((pitch) => this.endSustained(pitch));
    this.dispatchEvent(new Event("pedal"));
  }

  // End all notes; the pedal stays as it is.
  releaseAll() {
    for (const holder of [...this.held.keys()]) this.release(holder);
    this.sustained.forEach((pitch) => this.endSustained(pitch));
  }

  addListeners() {
    addEventListener("keydown", (event) => this.onKeyDown(event));
    addEventListener("keyup", (event) => this.release(event.code));
    addEventListener("blur", () => this.releaseAll());
    document.addEventListener("visibilitychange", () => document.hidden && this.releaseAll());
    this.container.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.container.setPointerCapture?.(event.pointerId);
      this.onPointer(event);
    });
    this.container.addEventListener("pointermove", (event) => this.held.has(event.pointerId) && this.onPointer(event));
    for (const type of ["pointerup", "pointercancel"])
      this.container.addEventListener(type, (event) => this.release(event.pointerId));
  }

  onKeyDown(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("select, input[type=text], input[type=number]")) return;
    const row = LETTER_ROWS.findIndex((codes) => codes.includes(event.code));
    if (row >= 0) {
      event.preventDefault();
      const pitch = this.letterBase + 12 * row + LETTER_ROWS[row].indexOf(event.code);
      this.press(event.code, pitch, this.getVelocity());
    } else if (event.code === "Minus" || event.code === "Equal") {
      this.letterBase = clamp(this.letterBase + (event.code === "Minus" ? -12 : 12), 12, 84);
      this.draw();
    }
  }

  // The nearer to the front a key is touched, the louder.
  onPointer(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest(".key");
    if (!key) return this.release(event.pointerId);
    const box = key.getBoundingClientRect();
    const depth = (event.clientY - box.top) / box.height;
    const velocity = Math.round(this.getVelocity() + 50 * (depth - 0.6));
    this.press(event.pointerId, Number(key.dataset.pitch), clamp(velocity, MIN_VELOCITY, MAX_VELOCITY));
  }
}
