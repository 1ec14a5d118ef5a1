// The worker of a model: it answers each message with one, so that drawing a note never delays the page.
//
//   { type: "load", blob, settings }        ready
//   { type: "feed", notes }                 fed
//   { type: "draw", velocity, earliestStep }
//                                           note: { note }, the next one, which the model has not read; earliestStep is
//                                           0 if left out
//   { type: "generate", count, velocity }   notes: { notes, microseconds }, the mean time of a note
//   { type: "settings", settings }          changed
//   { type: "reset" }                       resetDone
//
// A message that fails is answered by { type: "error", message }; every answer has the `id` of its message.

import { NoteModel } from "./model.js";
import { Sampler } from "./sampler.js";

let model = null;
let sampler = null;

const HANDLERS = {
  load({ blob, settings }) {
    model = new NoteModel(blob);
    sampler = new Sampler(settings);
    return { type: "ready" };
  },
  feed({ notes }) {
    for (const note of notes) {
      model.feed(note);
      sampler.observe(note);
    }
    return { type: "fed" };
  },
  draw({ velocity, earliestStep = 0 }) {
    sampler.earliestStep = earliestStep;
    const note = model.drawNote(sampler, velocity);
    sampler.earliestStep = 0;
    return { type: "note", note };
  },
  generate({ count, velocity }) {
    const start = performance.now();
    const notes = Array.from({ length: count }, () => model.generateNote(sampler, velocity));
    return { type: "notes", notes, microseconds: (1000 * (performance.now() - start)) / count };
  },
  settings({ settings }) {
    sampler.setSettings(settings);
    return { type: "changed" };
  },
  reset() {
    model.reset();
    sampler = new Sampler(sampler.settings);
    return { type: "resetDone" };
  },
};

self.onmessage = ({ data }) => {
  let answer;
  try {
    if (data.type !== "load" && !model) throw new Error(`model: ${data.type} came before load; load a model first`);
    answer = HANDLERS[data.type](data);
  } catch (error) {
    answer = { type: "error", message: error.message };
  }
  self.postMessage({ ...answer, id: data.id });
};
