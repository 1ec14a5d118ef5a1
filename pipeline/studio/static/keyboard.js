// The piano of the page, the computer's keyboard and touch, all of which strike and lift the same keys.

export const LOW = 21, HIGH = 108;
const BLACK = [1, 3, 6, 8, 10], WHITE = [0, 2, 4, 5, 7, 9, 11];
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const ROWS = [
  ["KeyZ", "KeyS", "KeyX", "KeyD", "KeyC", "KeyV", "KeyG", "KeyB", "KeyH", "KeyN", "KeyJ", "KeyM", "Comma", "KeyL", "Period", "Semicolon", "Slash"],
  ["KeyQ", "Digit2", "KeyW", "Digit3", "KeyE", "KeyR", "Digit5", "KeyT", "Digit6", "KeyY", "Digit7", "KeyU", "KeyI", "Digit9", "KeyO", "Digit0", "KeyP"],
];
const SIGNS = { Comma: ",", Period: ".", Semicolon: ";", Slash: "/" };
const NARROWEST = 24; // pixels of a white key

export const isBlack = (pitch) => BLACK.includes(pitch % 12);
export const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

export class Keys extends EventTarget {
  first = LOW;
  last = HIGH;
  base = 48; // pitch of the Z key
  held = new Map(); // what holds a key (a key code, a pointer, a MIDI key) to its pitch
  lit = new Map(); // pitch to who plays it

  constructor(element, touch) {
    super();
    this.element = element;
    this.touch = touch;
    this.centre = 66;
    new ResizeObserver(() => this.layout()).observe(element.parentElement);
    this.listen();
  }

  // Show as many octaves as fit; the rest is reached with the buttons at both ends.
  layout() {
    const width = this.element.parentElement.clientWidth;
    const all = width / 52 >= 15;
    for (const button of this.element.parentElement.querySelectorAll(".shift")) button.hidden = all;
    const whites = all ? 52 : Math.max(8, Math.floor((width - 56) / NARROWEST));
    const above = 12 * Math.floor((whites - 1) / 7) + WHITE[(whites - 1) % 7]; // semitones from the first key to the last
    this.first = all ? LOW : Math.max(24, Math.min(108 - 12 * Math.floor(above / 12), 12 * Math.round((this.centre - above / 2) / 12)));
    this.last = all ? HIGH : Math.min(HIGH, this.first + above);
    this.draw();
    this.dispatchEvent(new Event("layout"));
  }

  shift(octaves) {
    this.centre = Math.max(30, Math.min(102, this.centre + 12 * octaves));
    this.layout();
  }

  // Left edge and width of a key, as shares of the piano.
  place(pitch) {
    const whites = (upTo) => [...Array(Math.max(0, upTo - this.first)).keys()].filter((i) => !isBlack(this.first + i)).length;
    const wide = 1 / whites(this.last + 1);
    return isBlack(pitch) ? [whites(pitch) * wide - 0.31 * wide, 0.62 * wide] : [whites(pitch) * wide, wide];
  }

  draw() {
    this.element.replaceChildren();
    for (let pitch = this.first; pitch <= this.last; pitch++) {
      const key = document.createElement("div");
      const [left, width] = this.place(pitch);
      key.className = `key ${isBlack(pitch) ? "black" : "white"}`;
      key.dataset.pitch = pitch;
      key.style.left = `${left * 100}%`;
      key.style.width = `${width * 100}%`;
      const label = document.createElement("span");
      const letter = this.letter(pitch);
      label.textContent = pitch % 12 === 0 && !isBlack(pitch) ? `${letter}\n${nameOf(pitch)}` : letter;
      key.append(label);
      this.element.append(key);
    }
    for (const [pitch, who] of this.lit) this.light(pitch, who);
  }

  letter(pitch) {
    if (matchMedia("(hover: none)").matches) return "";
    const upper = pitch - this.base - 12;
    const code = ROWS[1][upper] ?? (upper < 0 ? ROWS[0][pitch - this.base] : undefined);
    return code ? (SIGNS[code] ?? code.replace(/Key|Digit/, "")) : "";
  }

  light(pitch, who) {
    if (who) this.lit.set(pitch, who);
    else this.lit.delete(pitch);
    const key = this.element.querySelector(`[data-pitch="${pitch}"]`);
    key?.classList.toggle("model", who === "model");
    key?.classList.toggle("human", who === "human");
  }

  strike(holder, pitch, velocity) {
    if (pitch < 0 || pitch > 127 || this.held.get(holder) === pitch) return;
    this.lift(holder);
    const already = [...this.held.values()].includes(pitch);
    this.held.set(holder, pitch);
    if (!already) this.dispatchEvent(Object.assign(new Event("strike"), { pitch, velocity }));
  }

  lift(holder) {
    const pitch = this.held.get(holder);
    if (pitch === undefined) return;
    this.held.delete(holder);
    if (![...this.held.values()].includes(pitch)) this.dispatchEvent(Object.assign(new Event("lift"), { pitch }));
  }

  liftAll() {
    for (const holder of [...this.held.keys()]) this.lift(holder);
  }

  listen() {
    addEventListener("keydown", (event) => this.typed(event));
    addEventListener("keyup", (event) => this.lift(event.code));
    addEventListener("blur", () => this.liftAll());
    document.addEventListener("visibilitychange", () => document.hidden && this.liftAll());
    this.element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.element.setPointerCapture?.(event.pointerId);
      this.pointed(event);
    });
    this.element.addEventListener("pointermove", (event) => this.held.has(event.pointerId) && this.pointed(event));
    for (const end of ["pointerup", "pointercancel"]) this.element.addEventListener(end, (event) => this.lift(event.pointerId));
  }

  typed(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("select, input[type=text]")) return;
    const row = ROWS.findIndex((codes) => codes.includes(event.code));
    if (row >= 0) {
      event.preventDefault();
      this.strike(event.code, this.base + 12 * row + ROWS[row].indexOf(event.code), this.touch());
    } else if (event.code === "Minus" || event.code === "Equal") {
      this.base = Math.max(12, Math.min(84, this.base + (event.code === "Minus" ? -12 : 12)));
      this.draw();
    }
  }

  // The nearer to the front a key is touched, the louder.
  pointed(event) {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest(".key");
    if (!key) return this.lift(event.pointerId);
    const box = key.getBoundingClientRect();
    const deep = (event.clientY - box.top) / box.height;
    this.strike(event.pointerId, Number(key.dataset.pitch), Math.max(20, Math.min(120, Math.round(this.touch() + 50 * (deep - 0.6)))));
  }
}
