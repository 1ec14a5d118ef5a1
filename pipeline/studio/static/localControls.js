// What `Controls` asks for in a page without a server: it applies what a person sets, and answers.

const REST = "response_delay"; // of a person [s], after which the model goes on

// Dispatches "welcome", "controls" and "preview" as `Connection` does, and "refused" with the `message` of a change that cannot be.
export class LocalControls extends EventTarget {
  revision = 0; // of the last change that the worker has taken

  // Of `settings` of the sampler and `values` of the controls; `keys` has the pitch classes of each key, `limits` what a
  // limit of 0 stands for.
  constructor(client, duet, { settings, values, keys, limits }) {
    super();
    Object.assign(this, { client, duet, settings, values, keys, limits });
    duet.addEventListener("drawn", () => this.dispatch("preview", { revision: this.revision }));
  }

  welcome() {
    const { keys, values } = this;
    this.dispatch("welcome", { client_id: 0, keys: Object.keys(keys), values, defaults: values });
  }

  dispatch(type, message) {
    this.dispatchEvent(Object.assign(new Event(type), { message }));
  }

  // Take a message of `Controls`: all of its values or none. It is checked here, so that no change waits for one before it.
  async send({ revision, values }) {
    const changed = { ...this.values, ...values };
    const settings = this.makeSettings(changed);
    if (settings.pitches.length === 0) return this.refuse();
    this.values = changed;
    this.duet.tempo = changed.tempo;
    this.duet.restSeconds = changed[REST];
    this.answer(revision);
    try {
      await this.client.ask({ type: "settings", settings });
      this.revision = revision;
    } catch (error) {
      this.dispatch("refused", error.message);
    }
  }

  refuse() {
    this.answer(0);
    this.dispatch("refused", "no pitch is allowed; widen the range or change the key");
  }

  answer(revision) {
    this.dispatch("controls", { client_id: 0, revision, values: this.values });
  }

  makeSettings(values) {
    const { settings, limits } = this;
    const changed = Object.fromEntries(Object.entries(values).filter(([name]) => name in settings));
    for (const [name, limit] of Object.entries(limits)) changed[name] ||= limit;
    return { ...settings, ...changed, pitches: this.listPitches(values) };
  }

  listPitches({ key, min_pitch: lowest, max_pitch: highest }) {
    const pitches = Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, index) => lowest + index);
    return pitches.filter((pitch) => this.keys[key].includes(pitch % 12));
  }
}
