// Web MIDI, where the browser has it: keyboards play, controllers move controls, and the model's notes go out with their times.

const NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL_CHANGE = 0xb0;
const SUSTAIN_PEDAL = 64, ALL_SOUND_OFF = 120, ALL_NOTES_OFF = 123;
const CONTROLLER_INTERVAL = 20; // ms; some controllers send a thousand values a second
const SHORTEST_NOTE = 1; // ms of a note that is ended before it starts

export class WebMidi {
  output = null;
  inputIds = []; // of the keyboards that are plugged in
  pedalPort = null; // of the keyboard whose sustain pedal is down
  controllerValues = new Map(); // controller to its last value, until it is sent
  notes = new Map(); // pitch to { start, end } of its last note [ms]; end is Infinity until `sendNoteOff`

  constructor(keyboard, connection, elements) {
    this.keyboard = keyboard;
    this.connection = connection;
    Object.assign(this, elements);
    if (!navigator.requestMIDIAccess) {
      this.button.disabled = true;
      this.inputNames.textContent = "this browser has no Web MIDI; Chrome, Edge and Firefox have it";
    }
    this.button.addEventListener("click", () => this.connect());
    this.outputSelect.addEventListener("change", () => this.selectOutput());
  }

  async connect() {
    try {
      this.access = await navigator.requestMIDIAccess();
    } catch (error) {
      this.inputNames.textContent = `the browser refused MIDI (${error.message}); allow it for this page and connect again`;
      return;
    }
    this.access.onstatechange = () => this.updatePorts();
    this.updatePorts();
  }

  // Notes that sound at the old output end there.
  selectOutput() {
    this.stopAll();
    this.output = this.access.outputs.get(this.outputSelect.value) ?? null;
  }

  updatePorts() {
    const inputs = [...this.access.inputs.values()];
    for (const input of inputs) input.onmidimessage = (event) => this.onMessage(input.id, event.data);
    const ids = inputs.map((input) => input.id);
    this.inputIds.filter((id) => !ids.includes(id)).forEach((id) => this.releasePort(id));
    this.inputIds = ids;
    const names = inputs.map((input) => input.name).join(", ");
    this.inputNames.textContent = names || "no keyboard found; plug one in";
    const outputs = [...this.access.outputs.values()];
    const options = outputs.map((port) => new Option(port.name, port.id));
    this.outputSelect.replaceChildren(new Option("this page alone", ""), ...options);
    if (!outputs.includes(this.output)) this.output = null; // it was unplugged
    this.outputSelect.value = this.output?.id ?? "";
    this.outputRow.hidden = !outputs.length;
  }

  onMessage(port, [status, number, value]) {
    const command = status & 0xf0;
    const key = `${port} ${number}`;
    if (command === NOTE_ON && value) this.pressKey(key, number, value);
    else if (command === NOTE_ON || command === NOTE_OFF) this.keyboard.release(key);
    else if (command === CONTROL_CHANGE && number === SUSTAIN_PEDAL) this.movePedal(port, value >= 64);
    else if (command === CONTROL_CHANGE) this.sendController(number, value);
  }

  movePedal(port, isDown) {
    this.pedalPort = isDown ? port : null;
    this.keyboard.movePedal(isDown);
  }

  // Keys and pedal of a keyboard that was unplugged come up.
  releasePort(port) {
    for (const holder of [...this.keyboard.held.keys()]) if (`${holder}`.startsWith(`${port} `)) this.keyboard.release(holder);
    if (this.pedalPort === port) this.movePedal(port, false);
  }

  pressKey(key, pitch, velocity) {
    this.keyboard.release(key);
    this.keyboard.press(key, pitch, velocity);
  }

  // Only the last value of a controller matters: send it at most once in an interval.
  sendController(number, value) {
    if (!this.controllerValues.size) setTimeout(() => this.flushControllers(), CONTROLLER_INTERVAL);
    this.controllerValues.set(number, value);
  }

  flushControllers() {
    for (const [controller, value] of this.controllerValues)
      this.connection.send({ type: "control_change", controller, value });
    this.controllerValues.clear();
  }

  // Send a note and its end; where `duration` is null, `sendNoteOff` or the next note of this pitch ends it.
  sendNote(pitch, velocity, start, duration) {
    if (!this.output) return;
    const end = duration === null ? Infinity : start + duration * 1000;
    if (duration === null) this.output.send([NOTE_OFF, pitch, 64], start);
    this.output.send([NOTE_ON, pitch, velocity], start);
    if (duration !== null) this.output.send([NOTE_OFF, pitch, 64], end);
    this.notes.set(pitch, { start, end });
  }

  sendNoteOff(pitch) {
    this.output?.send([NOTE_OFF, pitch, 64]);
    this.notes.delete(pitch);
  }

  // End all notes, and those that were to come as they start: Chrome cannot take a message back (no MIDIOutput.clear).
  endNotes() {
    const now = performance.now();
    for (const [pitch, { start, end }] of this.notes)
      if (end > now) this.output?.send([NOTE_OFF, pitch, 64], Math.max(now, start + SHORTEST_NOTE));
    this.notes.clear();
  }

  stopAll() {
    this.endNotes();
    for (const controller of [SUSTAIN_PEDAL, ALL_NOTES_OFF, ALL_SOUND_OFF])
      this.output?.send([CONTROL_CHANGE, controller, 0]);
  }
}
