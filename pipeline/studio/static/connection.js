// The line to the server, and its clock: a frame says when by the server's clock, `local` says when that is here.

// The token leaves the address bar at once, so that neither the history nor a picture of the screen shows it. This tab
// keeps it, also when the page is loaded again.
const STORED = "token";
const given = new URLSearchParams(location.search).get("token");
if (given) {
  sessionStorage.setItem(STORED, given);
  history.replaceState(null, "", location.pathname);
}
export const token = sessionStorage.getItem(STORED) ?? "";

export function request(path, options = {}) {
  return fetch(path, { ...options, headers: { authorization: `Bearer ${token}` } });
}

export class Line extends EventTarget {
  offset = 0; // server's clock minus ours [s]
  trips = [];
  socket = null;

  open() {
    this.socket = new WebSocket(`ws://${location.host}/live?token=${encodeURIComponent(token)}`);
    this.socket.onopen = () => {
      this.trips = [];
      for (const wait of [0, 80, 160, 240, 400]) setTimeout(() => this.ping(), wait);
    };
    this.socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.dispatchEvent(new Event("closed"));
      setTimeout(() => this.open(), 1500);
    };
    this.timer ??= setInterval(() => this.ping(), 2000);
  }

  send(wish) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(wish));
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() / 1000 });
  }

  hear(frame) {
    if (frame.type === "pong") this.measure(frame.sent, frame.now);
    if (frame.type === "hello") this.offset = frame.now - performance.now() / 1000;
    this.dispatchEvent(Object.assign(new Event(frame.type), { frame }));
  }

  // Of the last round trips the shortest knows best: what it lost to waiting is least.
  measure(sent, there) {
    const back = performance.now() / 1000;
    this.trips.push({ length: back - sent, offset: there - (sent + back) / 2 });
    this.trips = this.trips.slice(-8);
    this.offset = this.trips.reduce((best, trip) => (trip.length < best.length ? trip : best)).offset;
  }

  now() {
    return performance.now() / 1000 + this.offset;
  }

  // Milliseconds of `performance.now()` at a time of the server [s].
  local(time) {
    return (time - this.offset) * 1000;
  }
}
