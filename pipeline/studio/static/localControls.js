// What `Controls` asks for in a page without a server: it applies what a person sets, and answers.

const REST = "response_delay"; // of a person [s], after which the model goes on

// Dispatches "welcome" and "controls" as `Connection` does, and "refused" with the `message` of a change that cannot be.
export class LocalControls extends EventTarget {
  // Of `settings` of the sampler and `values` of the controls; `keys` has the pitch classes of each key, `limits` what a
  // limit of 0 stands for.
  constructor(client, duet, { settings, values, keys, limits }) {
    super();
    Object.assign(this, { client, duet, settings, values, keys, limits });
  }

  welcome() {
    const message = { client_id: 0, keys: Object.keys(this.keys), values: this.values, defaults: this.values };
    this.dispatchEvent(Object.assign(new Event("welcome"), { message }));
  }

  // Take a message of `Controls`; what cannot be is as it was before.
  async send({ revision, values }) {
    const before = this.values;
    this.values = { ...before, ...values };
    try {
      await this.client.ask({ type: "settings", settings: this.makeSettings() });
      this.duet.tempo = this.values.tempo;
      this.duet.restSeconds = this.values[REST];
      this.answer(revision);
    } catch (error) {
      this.values = before;
      this.answer(0);
      this.dispatchEvent(Object.assign(new Event("refused"), { message: error.message }));
    }
  }

  answer(revision) {
    const message = { client_id: 0, revision, values: this.values };
    this.dispatchEvent(Object.assign(new Event("controls"), { message }));
  }

  makeSettings() {
    const { settings, values, limits } = this;
    const changed = Object.fromEntries(Object.entries(values).filter(([name]) => name in settings));
    for (const [name, limit] of Object.entries(limits)) changed[name] ||= limit;
    return { ...settings, ...changed, pitches: this.listPitches() };
  }

  listPitches() {
    const { key, min_pitch: lowest, max_pitch: highest } = this.values;
    const pitches = Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, index) => lowest + index);
    return pitches.filter((pitch) => this.keys[key].includes(pitch % 12));
  }
}
