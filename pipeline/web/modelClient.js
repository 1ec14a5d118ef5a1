// Starts the worker of a model and asks it: each message has one answer; see modelWorker.js.

const ANSWER_TIMEOUT_SECONDS = 20; // of a message, from the answer before it; a slow phone reads 512 notes in 6 s
const START_ERROR = "model: this browser does not start its worker; open the page in a newer browser";
const TIMEOUT_ERROR = `model: its worker did not answer within ${ANSWER_TIMEOUT_SECONDS} s; reload the page`;

export class ModelClient {
  pending = new Map(); // number of a message to { resolve, reject } of its answer
  timer = 0; // of the next answer
  count = 0;
  hasStarted = false; // whether the worker has answered a message
  error = null; // once the worker has failed

  // Take the text of the worker: a page that was opened from a disk may start no worker from another file.
  constructor(source) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.onmessage = ({ data }) => this.settle(data);
    this.worker.onerror = (event) => this.onError(event);
  }

  // Return a promise of the answer. It is rejected with the message of an answer of type "error"; and once the worker
  // has failed or left a message without an answer, at once.
  ask(message) {
    if (this.error) return Promise.reject(this.error);
    const id = (this.count += 1);
    this.worker.postMessage({ ...message, id });
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      if (this.pending.size === 1) this.restartTimer();
    });
  }

  // The worker takes one message after the other: the time of one begins with the answer to the one before.
  restartTimer() {
    clearTimeout(this.timer);
    if (this.pending.size) this.timer = setTimeout(() => this.fail(TIMEOUT_ERROR), 1000 * ANSWER_TIMEOUT_SECONDS);
  }

  settle(answer) {
    const { resolve, reject } = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    this.restartTimer();
    this.hasStarted = true;
    if (answer.type === "error") reject(new Error(answer.message));
    else resolve(answer);
  }

  onError(event) {
    event.preventDefault(); // the page shows it
    this.fail(this.hasStarted ? `model: its worker stopped (${event.message}); reload the page` : START_ERROR);
  }

  // End the worker, and reject what waits for it and what is asked later.
  fail(text) {
    this.error ??= new Error(text);
    this.worker.terminate();
    for (const { reject } of this.pending.values()) reject(this.error);
    this.pending.clear();
    this.restartTimer();
  }
}
