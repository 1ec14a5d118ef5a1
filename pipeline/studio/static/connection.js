// The connection to the server, and its clock: messages have times of the server's clock, `toLocalTime` converts them.

// The token leaves the address bar at once, so that neither the history nor a picture of the screen shows it. This tab
// keeps it, also when the page is loaded again.
const STORAGE_KEY = "token";
const PING_INTERVAL = 2000; // ms
const FIRST_PINGS = [0, 80, 160, 240, 400]; // ms after the connection is open
const RECONNECT_DELAY = 1500; // ms
const KEPT_ROUND_TRIPS = 8;

const tokenInAddress = new URLSearchParams(location.search).get("token");
if (tokenInAddress) {
  sessionStorage.setItem(STORAGE_KEY, tokenInAddress);
  history.replaceState(null, "", location.pathname);
}
export const token = sessionStorage.getItem(STORAGE_KEY) ?? "";

// Return the response of the server; one that is not there answers with status 503.
export async function request(path, options = {}) {
  try {
    return await fetch(path, { ...options, headers: { authorization: `Bearer ${token}` } });
  } catch {
    return new Response("The program does not answer. Is it still running?", { status: 503 });
  }
}

// Dispatches one event for each message, named by its type, and "closed".
export class Connection extends EventTarget {
  offset = 0; // server's clock minus ours [s]
  roundTrips = [];
  socket = null;

  open() {
    this.socket = new WebSocket(`ws://${location.host}/live?token=${encodeURIComponent(token)}`);
    this.socket.onopen = () => {
      this.roundTrips = [];
      for (const delay of FIRST_PINGS) setTimeout(() => this.ping(), delay);
    };
    this.socket.onmessage = (event) => this.onMessage(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.dispatchEvent(new Event("closed"));
      setTimeout(() => this.open(), RECONNECT_DELAY);
    };
    this.timer ??= setInterval(() => this.ping(), PING_INTERVAL);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() / 1000 });
  }

  onMessage(message) {
    if (message.type === "pong") this.measureOffset(message.sent, message.time);
    if (message.type === "welcome") this.offset = message.time - performance.now() / 1000;
    this.dispatchEvent(Object.assign(new Event(message.type), { message }));
  }

  // The shortest of the last round trips gives the best offset: it waited least.
  measureOffset(sent, serverTime) {
    const received = performance.now() / 1000;
    this.roundTrips.push({ length: received - sent, offset: serverTime - (sent + received) / 2 });
    this.roundTrips = this.roundTrips.slice(-KEPT_ROUND_TRIPS);
    this.offset = this.roundTrips.reduce((best, trip) => (trip.length < best.length ? trip : best)).offset;
  }

  // The time of the server now [s].
  now() {
    return performance.now() / 1000 + this.offset;
  }

  // The time of `performance.now()` [ms] at a time of the server [s].
  toLocalTime(time) {
    return (time - this.offset) * 1000;
  }
}
