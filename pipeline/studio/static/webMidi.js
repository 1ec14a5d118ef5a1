// Web MIDI, where the browser has it: keyboards play, knobs turn, and the model's notes go out with their times.

const PEDAL = 64;

export class Midi {
  output = null;

  constructor(keys, line, elements) {
    this.keys = keys;
    this.line = line;
    Object.assign(this, elements);
    this.down = false; // the pedal
    this.kept = new Set();
    if (!navigator.requestMIDIAccess) {
      this.button.disabled = true;
      this.ports.textContent = "this browser has no Web MIDI";
    }
    this.button.addEventListener("click", () => this.connect());
    this.out.addEventListener("change", () => (this.output = this.access.outputs.get(this.out.value) ?? null));
  }

  async connect() {
    try {
      this.access = await navigator.requestMIDIAccess();
    } catch (error) {
      this.ports.textContent = `not allowed: ${error.message}`;
      return;
    }
    this.access.onstatechange = () => this.list();
    this.list();
  }

  list() {
    const inputs = [...this.access.inputs.values()];
    for (const input of inputs) input.onmidimessage = (event) => this.heard(input.id, event.data);
    this.ports.textContent = inputs.length ? inputs.map((input) => input.name).join(", ") : "no keyboard found; plug one in";
    const outputs = [...this.access.outputs.values()];
    this.out.replaceChildren(new Option("this page alone", ""), ...outputs.map((port) => new Option(port.name, port.id)));
    this.out.value = this.output?.id ?? "";
    this.outs.hidden = !outputs.length;
  }

  heard(port, [status, number, value]) {
    const kind = status & 0xf0, holder = `${port} ${number}`;
    if (kind === 0x90 && value) {
      this.kept.delete(holder);
      this.keys.lift(holder);
      this.keys.strike(holder, number, value);
    } else if (kind === 0x80 || kind === 0x90) {
      if (this.down) this.kept.add(holder);
      else this.keys.lift(holder);
    } else if (kind === 0xb0 && number === PEDAL) {
      this.down = value >= 64;
      if (!this.down) for (const each of this.kept) this.keys.lift(each);
      if (!this.down) this.kept.clear();
    } else if (kind === 0xb0) this.line.send({ type: "turn", controller: number, value });
  }

  note(pitch, velocity, at, seconds) {
    this.output?.send([0x90, pitch, velocity], at);
    this.output?.send([0x80, pitch, 64], at + seconds * 1000);
  }

  off(pitch) {
    this.output?.send([0x80, pitch, 64]);
  }

  silence() {
    this.output?.clear?.();
    for (const [number, value] of [[PEDAL, 0], [123, 0], [120, 0]]) this.output?.send([0xb0, number, value]);
  }
}
