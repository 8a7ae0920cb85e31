// Channels as an application would like to have them, on one socket of the official client: what a library of its own would be.
import { io } from "socket.io-client";

const failure = (code, message) => Object.assign(new Error(message), { code });

export class Realtime {
  #channels = new Map();
  #connecting;

  constructor(url, { path, transports = ["websocket"], timeoutMs = 10_000, extraAuth = {}, ...options } = {}) {
    this.timeoutMs = timeoutMs;
    // A function, so that a client that comes back says its newest token.
    const auth = (give) => give({ token: this.token, ...extraAuth });
    this.socket = io(url, { autoConnect: false, forceNew: true, path, transports, auth, ...options });
    const to = (topic) => this.#channels.get(topic);
    this.socket.on("realtime:broadcast", (message) => to(message.meta.channel)?.hearBroadcast(message));
    this.socket.on("realtime:postgres_changes", (change) => to(change.channel)?.hearChange(change));
    for (const event of ["state", "join", "update", "leave"]) {
      this.socket.on(`presence_${event}`, (presence) => to(presence.channel)?.hearPresence(presence));
    }
    this.socket.on("realtime:missed", ({ channel }) => to(channel)?.catchUp());
    this.socket.on("realtime:error", ({ channel, error }) => to(channel)?.fail("CHANNEL_ERROR", error));
    this.socket.on("connect", () => this.#channels.forEach((channel) => channel.join()));
    this.socket.on("disconnect", () => this.#channels.forEach((channel) => channel.cut()));
  }

  get isConnected() {
    return this.socket.connected;
  }

  get socketId() {
    return this.socket.id;
  }

  setAuth(token) {
    this.token = token;
  }

  // Those who call while it is under way wait for the same.
  connect() {
    if (this.isConnected) return Promise.resolve();
    this.#connecting ??= new Promise((done, fail) => {
      const timer = setTimeout(() => settle(fail, failure("CONNECT_FAILED", "nobody answers")), this.timeoutMs);
      const connected = () => settle(done);
      const refused = (error) => settle(fail, failure("CONNECT_FAILED", error.message));
      const settle = (end, value) => {
        clearTimeout(timer);
        this.socket.off("connect", connected).off("connect_error", refused);
        this.#connecting = undefined;
        end(value);
      };
      this.socket.once("connect", connected).once("connect_error", refused).connect();
    });
    return this.#connecting;
  }

  // The channels stay, for when it connects again.
  disconnect() {
    this.socket.disconnect();
  }

  // One of a name: what is set when it is made stays.
  channel(topic, options = {}) {
    if (!this.#channels.has(topic)) this.#channels.set(topic, new Channel(this, topic, options));
    return this.#channels.get(topic);
  }

  forget(channel) {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  async ask(event, argument) {
    try {
      return await this.socket.timeout(this.timeoutMs).emitWithAck(`realtime:${event}`, argument);
    } catch {
      return { status: "error", error: { code: "TIMED_OUT", message: "no answer came in time" } };
    }
  }
}

export class Channel {
  state = "closed";
  #bindings = [];
  #ids = new Map();
  #present = {};
  #status;
  #tracked;
  #heartbeat;

  constructor(realtime, topic, { config = {} } = {}) {
    Object.assign(this, { realtime, topic, config });
  }

  on(type, filter, callback) {
    this.#bindings.push({ type, filter, callback });
    return this;
  }

  subscribe(status = () => {}) {
    this.#status = status;
    if (this.realtime.isConnected) this.join();
    else this.realtime.connect().catch((error) => this.fail("CHANNEL_ERROR", error));
    return this;
  }

  async join() {
    if (!this.#status || this.state === "joining" || this.state === "joined") return;
    const again = this.state === "errored";
    this.state = "joining";
    const { connection: resumes, position: since } = this;
    const config = { ...this.config, ...(since && { since }) };
    const joined = await this.#ask("subscribe", { config, ...(resumes && { resumes }) });
    const acked = [joined];
    if (joined.status === "ok") {
      Object.assign(this, { id: joined.id, connection: joined.connection, heartbeatMs: joined.heartbeat_ms });
      this.position ??= joined.position;
      for (const binding of this.#bindings.filter(({ type }) => type === "postgres_changes")) {
        const bound = await this.#ask("postgres_changes:subscribe", binding.filter);
        if (bound.status === "ok") this.#ids.set(bound.subscription_id, binding);
        acked.push(bound);
      }
      if (this.#tracked !== undefined) acked.push(await this.track(this.#tracked));
    }
    const failed = acked.find(({ status }) => status !== "ok");
    if (failed?.error.code === "TIMED_OUT") return this.fail("TIMED_OUT", failed.error);
    if (failed) return this.fail("CHANNEL_ERROR", failed.error, again ? "REJOIN_FAILED" : "SUBSCRIBE_FAILED");
    this.state = "joined";
    this.#status("SUBSCRIBED");
  }

  fail(status, error, code = error.code) {
    this.state = "errored";
    this.#status?.(status, failure(code, `${error.code}: ${error.message}`));
  }

  // Whoever was in it is in it again as soon as there is a connection.
  cut() {
    clearInterval(this.#heartbeat);
    if (this.state === "closed") return;
    this.state = "errored";
    this.#ids.clear();
  }

  hearBroadcast(message) {
    if (message.meta.position) this.position = message.meta.position;
    this.#tell("broadcast", ({ event }) => !event || event === message.event, message);
  }

  hearChange({ subscription_id, payload }) {
    this.#ids.get(subscription_id)?.callback(payload);
  }

  hearPresence({ event, state, joins, updates, leaves }) {
    if (state) this.#present = state;
    for (const [key, metas] of Object.entries({ ...joins, ...updates, ...leaves })) {
      const others = (this.#present[key] ?? []).filter(({ ref }) => !metas.some((meta) => meta.ref === ref));
      this.#present[key] = leaves ? others : [...others, ...metas];
      if (this.#present[key].length === 0) delete this.#present[key];
    }
    this.#tell("presence", (filter) => filter.event === event, { event, state, joins, updates, leaves });
  }

  catchUp() {
    return this.position && this.replay({ since: this.position });
  }

  presenceState() {
    return this.#present;
  }

  send({ event, payload }) {
    return this.#ask("publish", { event, payload });
  }

  replay(from) {
    return this.#ask("replay", from);
  }

  async track(state) {
    this.#tracked = state;
    const answer = await this.#ask("track", { state });
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.realtime.ask("heartbeat", {}), this.heartbeatMs);
    return answer;
  }

  untrack() {
    this.#tracked = undefined;
    clearInterval(this.#heartbeat);
    return this.#ask("untrack", {});
  }

  async unsubscribe() {
    clearInterval(this.#heartbeat);
    const was = this.state;
    this.state = "closed";
    this.realtime.forget(this);
    if (was === "closed") return;
    if (this.realtime.isConnected) await this.#ask("unsubscribe", {});
    this.#status?.("CLOSED");
  }

  #ask(event, argument) {
    return this.realtime.ask(event, { channel: this.topic, ...argument });
  }

  #tell(type, fits, message) {
    for (const binding of this.#bindings) {
      if (binding.type === type && fits(binding.filter)) binding.callback(message);
    }
  }
}
