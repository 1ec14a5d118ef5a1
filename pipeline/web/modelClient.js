// Starts the worker of a model and asks it: each message has one answer; see modelWorker.js.

export class ModelClient {
  pending = new Map(); // number of a message to who waits for its answer
  count = 0;

  // Take the text of the worker: a page that was opened from a disk may start no worker from another file.
  constructor(source) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.onmessage = ({ data }) => this.settle(data);
    this.worker.onerror = () => this.fail();
  }

  // Return a promise of the answer; it is rejected with the message of an answer of type "error".
  ask(message) {
    const id = (this.count += 1);
    this.worker.postMessage({ ...message, id });
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
  }

  settle(answer) {
    const { resolve, reject } = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (answer.type === "error") reject(new Error(answer.message));
    else resolve(answer);
  }

  fail() {
    const error = new Error("model: this browser does not start its worker; open the page in a newer browser");
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}
