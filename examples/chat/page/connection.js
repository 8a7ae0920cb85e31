// One WebSocket to `/@ws` that comes back by itself, and with it all that is kept up to date over it.

// The server asks every 30 seconds whether we are there: after more silence than that nobody is.
const SILENCE = 45_000;
const PATIENCE = 10_000;
const FIRST_DELAY = 500;
// Who is back within 10 seconds was never away, as others see it.
const LONGEST_DELAY = 3_000;

export class Failure extends Error {
  constructor({ code, message, details }) {
    super(message);
    Object.assign(this, { code, details });
  }
}

// What the server can't do now, and may do soon.
const PASSING = ["RATE_LIMITED", "BACKPRESSURE", "INTERNAL_ERROR"];
const QUIET = ["RATE_LIMITED", "BACKPRESSURE", "OFFLINE"];
const OFFLINE = { code: "OFFLINE", message: "There is no connection." };

export class Connection extends EventTarget {
  isOpen = false;
  #socket;
  #attempts = 0;
  #timer;
  #lastId = 0;
  #requests = new Map();
  #queries = new Set();
  #channels = new Map();
  #turn = Promise.resolve();

  constructor(url) {
    super();
    this.url = url;
    addEventListener("online", () => this.isOpen || this.#connect());
    this.#connect();
  }

  // Asks, and answers what the server does. Who does not get an answer does not know whether it was done.
  request(type, members) {
    return new Promise((resolve, reject) => this.#send(type, members, resolve, reject));
  }

  // Tells what a query answers, and then each change: {documents} or {changes}. After a cut it goes on where it was, and nothing is missed.
  live(query, tell) {
    const watched = { query, tell };
    this.#queries.add(watched);
    this.#watch(watched);
    return () => {
      this.#queries.delete(watched);
      const subscriptionId = watched.id;
      if (subscriptionId) this.request("store.unsubscribe", { subscriptionId }).catch(() => {});
    };
  }

  // Is in a channel, present under a key in a state, and tells what is heard there. Once more: in another state.
  join(channel, key, state, hear) {
    const joined = { channel, key, state, hear };
    clearInterval(this.#channels.get(channel)?.heartbeat);
    this.#channels.set(channel, joined);
    this.#enter(joined);
    return () => {
      this.#channels.delete(channel);
      clearInterval(joined.heartbeat);
      this.#inTurn(() => this.request("channel.unsubscribe", { channel }));
    };
  }

  #connect() {
    this.#close();
    const socket = (this.#socket = new WebSocket(this.url));
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = () => this.#retry();
    this.#expect(PATIENCE);
  }

  // What does not end by itself in time is given up.
  #expect(time) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#retry(), time);
  }

  #retry() {
    this.#close();
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++);
    // Not all who were cut at once come back at once.
    this.#timer = setTimeout(() => this.#connect(), delay * (0.5 + Math.random() / 2));
  }

  #close() {
    clearTimeout(this.#timer);
    if (this.#socket) {
      this.#socket.onclose = this.#socket.onmessage = null;
      this.#socket.close();
    }
    for (const { reject } of this.#requests.values()) reject(new Failure(OFFLINE));
    this.#requests.clear();
    for (const watched of this.#queries) watched.id = undefined;
    this.#say(false);
  }

  #say(isOpen) {
    if (this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    this.dispatchEvent(new Event(isOpen ? "open" : "close"));
  }

  #send(type, members, resolve, reject) {
    if (!this.isOpen) return reject(new Failure(OFFLINE));
    const id = ++this.#lastId;
    this.#requests.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, type, ...members }));
  }

  #hear(message) {
    this.#expect(SILENCE);
    const request = this.#requests.get(message.id);
    this.#requests.delete(message.id);
    switch (message.type) {
      case "welcome":
        this.#attempts = 0;
        this.#say(true);
        this.#queries.forEach((watched) => this.#watch(watched));
        this.#channels.forEach((joined) => this.#enter(joined));
        break;
      case "ping":
        this.#socket.send(JSON.stringify({ type: "pong", timestamp: message.timestamp }));
        break;
      case "result":
        request?.resolve(message.data);
        break;
      case "error":
        request?.reject(new Failure(message));
        break;
      case "push":
        this.#push(message);
    }
  }

  #push({ channel, subscriptionId, data }) {
    if (channel === "channel") {
      this.#channels.get(data.channel ?? data.meta?.channel)?.hear(data);
      return;
    }
    for (const watched of this.#queries) {
      if (watched.id !== subscriptionId) continue;
      if (data.ended) this.#watch(watched);
      else this.#tell(watched, data);
    }
  }

  #watch(watched) {
    // It is told before the next message is read, so that the first push finds it.
    const begin = ({ subscriptionId, data }) => {
      watched.id = subscriptionId;
      if (this.#queries.has(watched)) this.#tell(watched, data);
      else this.request("store.unsubscribe", { subscriptionId }).catch(() => {});
    };
    const again = (failure) => this.#later(failure, () => this.#queries.has(watched) && this.#watch(watched));
    this.#send("store.subscribe", { ...watched.query, position: watched.position }, begin, again);
  }

  #tell(watched, data) {
    watched.position = data.position;
    watched.tell(data);
  }

  #enter(joined) {
    const { channel, key, state } = joined;
    const isIn = () => this.#channels.get(channel) === joined;
    this.#inTurn(async () => {
      clearInterval(joined.heartbeat);
      if (!isIn()) return;
      try {
        const config = { broadcast: { self: false }, presence: { key } };
        const entered = await this.request("channel.subscribe", { channel, config, resumes: joined.connection });
        joined.connection = entered.connection;
        await this.request("channel.track", { channel, state });
        if (isIn()) joined.heartbeat = setInterval(() => this.#beat(joined), entered.heartbeat_ms);
      } catch (failure) {
        this.#later(failure, () => this.#enter(joined));
      }
    });
  }

  // Requests are carried out side by side: who leaves a channel and enters it again waits in between.
  #inTurn(step) {
    this.#turn = this.#turn.then(step).catch(() => {});
  }

  // Whoever was silent for too long, as a laptop that slept, has left, and comes in again.
  async #beat(joined) {
    const answer = await this.request("channel.heartbeat").catch(() => null);
    if (answer && answer.present < this.#channels.size) this.#enter(joined);
  }

  // Without a connection it is done once there is one, and else when the server can do it again.
  #later(failure, again) {
    const socket = this.#socket;
    if (PASSING.includes(failure.code)) {
      setTimeout(() => socket === this.#socket && again(), failure.details?.retryAfterMs ?? 1_000);
    }
    if (!QUIET.includes(failure.code)) this.dispatchEvent(new CustomEvent("failure", { detail: failure }));
  }
}
