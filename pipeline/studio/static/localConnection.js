// What the controls of a page without a server are connected to: the worker that draws notes, and the duet that plays them.
// As the server of the studio does, it answers each change with the values that hold.

const CLIENT_ID = 0; // of the only page
const NUM_PITCHES = 128;

// Dispatches "welcome", "controls" and "preview" with `message`, as pipeline/studio/messages.py has them, and "error" with
// `text`.
export class LocalConnection extends EventTarget {
  revision = 0; // of the last change that the worker has taken

  // `sampling` has the controls of the sampler, `settings` what it was started with, `limits` what a limit of 0 stands for,
  // and `keys` the pitch classes of each key by its name.
  constructor(client, duet, { sampling, settings, limits, keys }) {
    super();
    Object.assign(this, { client, duet, settings, limits, keys });
    this.values = { ...sampling, tempo: duet.tempo, response_delay: duet.responseDelay };
    this.defaults = this.values;
    duet.addEventListener("drawn", () => this.dispatch("preview", { revision: this.revision }));
  }

  dispatch(type, message) {
    this.dispatchEvent(Object.assign(new Event(type), { message }));
  }

  // Tell the controls their values.
  open() {
    const { values, defaults } = this;
    this.dispatch("welcome", { keys: Object.keys(this.keys), values, defaults, client_id: CLIENT_ID });
  }

  // Change controls, all of these or none.
  async send({ revision, values }) {
    const changed = { ...this.values, ...values };
    const pitches = this.listPitches(changed);
    if (pitches.length === 0) return this.refuse();
    this.values = changed;
    this.duet.tempo = changed.tempo;
    this.duet.responseDelay = changed.response_delay;
    this.dispatch("controls", { client_id: CLIENT_ID, revision, values: changed });
    await this.client.ask({ type: "settings", settings: { ...this.settings, ...this.limitNotes(changed), pitches } });
    this.revision = revision;
  }

  limitNotes(values) {
    const limits = Object.entries(this.limits).map(([name, limit]) => [name, values[name] || limit]);
    return { ...values, ...Object.fromEntries(limits) };
  }

  listPitches({ key, min_pitch: first, max_pitch: last }) {
    const pitches = Array.from({ length: NUM_PITCHES }, (_, pitch) => pitch);
    return pitches.filter((pitch) => first <= pitch && pitch <= last && this.keys[key].includes(pitch % 12));
  }

  refuse() {
    this.dispatch("controls", { client_id: CLIENT_ID, revision: 0, values: this.values });
    const text = "No note of this key lies between Lowest and Highest: lower Lowest or raise Highest.";
    this.dispatchEvent(Object.assign(new Event("error"), { text }));
  }
}
