// A chat server of one's own for each group of tests, and clients that are closed with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe } from "node:test";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";

const binary = process.env.CHAT_SERVER;
if (!binary) throw new Error("CHAT_SERVER names the program to test");

export class Server {
  clients = [];

  // A server for the test that calls this: it ends with the test, whatever becomes of that. Otherwise it, and clients that come back for
  // ever, would keep the run from ending.
  static start(env = {}, port = 0) {
    const server = new Server();
    after(() => server.stop());
    return server.run(env, port);
  }

  // A server for several tests: who starts it before them stops it after them.
  static shared(env = {}) {
    return new Server().run(env, 0);
  }

  // A given port may have been taken by somebody else's connection for a moment.
  async run(env, port) {
    for (const since = Date.now(); ; await pause(100)) {
      try {
        return await this.attempt(env, port);
      } catch (error) {
        if (port === 0 || Date.now() - since > PATIENCE) throw error;
      }
    }
  }

  async attempt(env, port) {
    this.env = env;
    const args = ["--database", ":memory:", "--port", String(port)];
    this.process = spawn(binary, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.errors = "";
    this.process.stderr.on("data", (text) => (this.errors += text));
    for await (const line of createInterface({ input: this.process.stdout })) {
      const found = line.match(/^listening on (http:\/\/.*:(\d+))$/);
      if (found) {
        [, this.url, this.port] = found;
        return this;
      }
    }
    throw new Error(`the server did not start: ${this.errors}`);
  }

  // A client of the official library. `packed` is the other parser that it has.
  client({ packed = false, ...options } = {}) {
    const parts = packed ? { parser: msgpack.default ?? msgpack, path: "/socket.io/msgpack/" } : {};
    const client = io(this.url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...parts, ...options });
    this.clients.push(client);
    return client;
  }

  async connected(options) {
    const client = this.client(options);
    await event(client, "connect");
    return client;
  }

  memory() {
    return import("node:fs").then(({ readFileSync }) => {
      const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
      return Number(status.match(/VmRSS:\s+(\d+)/)[1]) * 1024;
    });
  }

  async kill(signal = "SIGKILL") {
    const exited = this.process.exitCode === null ? once(this.process, "exit") : [];
    this.process.kill(signal);
    await exited;
  }

  async stop() {
    for (const client of this.clients) client.close();
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
  }
}

// How long anything may take before it is said not to come, in milliseconds: longer than on a busy machine, and shorter than the half a
// minute after which a server notices by itself who is gone.
export const PATIENCE = 25_000;

export const pause = (millis) => new Promise((done) => setTimeout(done, millis));

// Waits until something holds.
export async function until(holds, what = () => holds) {
  const since = Date.now();
  while (!(await holds())) {
    if (Date.now() - since > PATIENCE) throw new Error(`it does not come about: ${what()}`);
    await pause(20);
  }
}

// The next event of this name.
export function event(emitter, name) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`no ${name} came`)), PATIENCE);
    emitter.once(name, (...values) => {
      clearTimeout(timer);
      done(values[0]);
    });
  });
}

// Sends an event and waits for its acknowledgement.
export const ask = (client, name, argument) => client.timeout(PATIENCE).emitWithAck(name, argument);

export const call = (client, model, operation, rest = {}) => ask(client, "call", { model, operation, ...rest });

const KINDS = {
  "websocket": { transports: ["websocket"] },
  "polling": { transports: ["polling"] },
  "polling, then websocket": {},
  "msgpack over websocket": { transports: ["websocket"], packed: true },
  "msgpack over polling": { transports: ["polling"], packed: true },
};

// The same tests over both transports and with both parsers: `tests` is given a server of its own, and a client of it.
export function forEachKind(tests) {
  for (const [kind, options] of Object.entries(KINDS)) {
    describe(kind, () => {
      const site = { options };
      before(async () => {
        site.server = await Server.shared();
        site.client = await site.server.connected(options);
      });
      after(() => site.server.stop());
      tests(site);
    });
  }
}
