// How connections begin, last and end.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { Server, ask, call, event, pause, until } from "./server.mjs";

// A WebSocket that answers nothing by itself.
function silentSocket(url) {
  const socket = new WebSocket(url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
  return { socket, open: event(socket, "open"), closed: event(socket, "close") };
}

describe("the connection", () => {
  test("a client comes back by itself after the server was killed, and starts anew", async () => {
    const first = await Server.start();
    const client = await first.connected({ transports: ["websocket"] });
    await ask(client, "subscribe", { model: "chat/messages", query: { roomId: "abc" } });
    const gone = event(client, "disconnect");
    await first.kill();
    assert.equal(await gone, "transport close");
    const back = event(client, "connect");
    const second = await Server.start({}, first.port);
    await back;
    const { data } = await ask(client, "subscribe", { model: "chat/messages", query: { roomId: "abc" } });
    const heard = event(client, "publish");
    await ask(client, "dispatch", { id: data.id, event: "sendMessage", data: { text: "there again" } });
    assert.equal((await heard).data.said, "there again");
  });

  test("a client that can't use polling's sessions any more gets a new one", async () => {
    const first = await Server.start();
    const client = await first.connected({ transports: ["polling"] });
    await first.kill();
    const second = await Server.start({}, first.port);
    if (client.connected) await event(client, "disconnect");
    if (!client.connected) await event(client, "connect");
    assert.equal((await call(client, "system/users", "count")).data, 0);
  });

  test("clients are told when the server stops, and it does not wait for them", async () => {
    // OPS-05
    const server = await Server.start();
    const clients = await Promise.all([
      server.connected({ transports: ["websocket"], reconnection: false }),
      server.connected({ transports: ["polling"], reconnection: false }),
      server.connected({ transports: ["websocket"], packed: true, reconnection: false }),
    ]);
    const told = clients.map((client) => event(client, "shutdown"));
    const gone = clients.map((client) => event(client, "disconnect"));
    // One that polls hears of it if it does so then.
    await pause(1_500);
    const started = Date.now();
    await server.kill("SIGTERM");
    assert.deepEqual(await Promise.all(told), clients.map(() => ({ gracePeriodMs: 0 })));
    await Promise.all(gone);
    assert.ok(Date.now() - started < 8_000, `it took ${Date.now() - started} ms`);
    assert.equal(server.process.exitCode, 0, server.errors);
  });

  test("the heartbeat keeps who answers, and gives up who does not", async () => {
    const [patient, server] = [await Server.start({ PING: "4000" }), await Server.start({ PING: "1000" })];
    const keeps = async (transports) => {
      const client = await patient.connected({ transports });
      let dropped = 0;
      client.on("disconnect", () => (dropped += 1));
      await pause(10_000);
      assert.equal(dropped, 0);
      assert.ok(client.connected);
    };
    await Promise.all([keeps(["websocket"]), keeps(["polling"])]);
    const silent = silentSocket(server.url);
    await silent.open;
    silent.socket.send("40");
    const started = Date.now();
    await silent.closed;
    assert.ok(Date.now() - started < 15_000);
  });

  test("who connects is asked for its token, and reads why it is refused", async () => {
    // CHA-26
    const server = await Server.start({ AUTH: "1" });
    for (const packed of [false, true]) {
      const options = { transports: ["websocket"], packed, reconnection: false };
      const nobody = server.client(options);
      assert.equal((await event(nobody, "connect_error")).message, "UNAUTHORIZED: sign in first");
      const broken = server.client({ ...options, auth: { token: "break" } });
      assert.match((await event(broken, "connect_error")).message, /^INTERNAL_ERROR/);
      const known = await server.connected({ ...options, auth: { token: "let me in" } });
      assert.equal((await call(known, "system/users", "count")).data, 0);
    }
  });

  test("the application hears who comes, once it is let in, and who goes", async () => {
    // HTT-07
    const server = await Server.start({ AUTH: "1" });
    const asked = { transports: ["websocket"], reconnection: false };
    const known = { ...asked, auth: { token: "let me in" } };
    const watcher = await server.connected(known);
    const comings = async () => (await call(watcher, "chat/messages", "comings")).data;
    await event(server.client(asked), "connect_error");
    for (const options of [known, { ...known, packed: true }, { ...known, transports: ["polling"] }]) {
      const before = await comings();
      const client = await server.connected(options);
      assert.deepEqual((await comings()).slice(before.length), ["come socketio somebody 127.0.0.1"]);
      client.disconnect();
      await until(async () => (await comings()).length >= before.length + 2, () => "it is told that a client has gone");
      assert.equal((await comings()).at(-1), "gone socketio somebody 127.0.0.1");
    }
    const cut = await server.connected(known);
    const before = await comings();
    cut.io.engine.transport.ws._socket.destroy();
    await until(async () => (await comings()).length > before.length, () => "it is told that a client was cut");
    assert.equal((await comings()).length, 9, "whom it did not let in it was not told of");
  });

  test("without a check of tokens any token is anonymous", async () => {
    const server = await Server.start();
    const client = await server.connected({ auth: { token: "whatever" } });
    assert.equal((await call(client, "system/users", "count")).data, 0);
    const elsewhere = server.client({ forceNew: true });
    const namespaced = elsewhere.io.socket("/admin");
    assert.equal((await event(namespaced, "connect_error")).message, "Invalid namespace");
  });

  test("requests are limited, and the client is told for how long", async () => {
    // OPS-01
    const server = await Server.start({ RATE: "5" });
    const client = await server.connected({ transports: ["websocket"] });
    for (let number = 0; number < 5; number += 1) {
      assert.equal((await call(client, "system/users", "count")).data, 0);
    }
    const { error } = await call(client, "system/users", "count");
    assert.deepEqual([error.code, error.status], ["RATE_LIMITED", 429]);
    assert.ok(error.details.retryAfterMs > 0);
    assert.equal((await ask(client, "nonsense", {})).error.code, "RATE_LIMITED");
  });

  test("more clients than there may be are told to come back, and get in when there is room", async () => {
    const server = await Server.start({ CONNECTIONS: "2" });
    const first = await server.connected({ transports: ["websocket"] });
    await server.connected({ transports: ["polling"] });
    const waiting = server.client({ transports: ["websocket"] });
    await event(waiting, "connect_error");
    first.close();
    await event(waiting, "connect");
  });

  test("pages of other origins do not get in, unless they are listed", async () => {
    const server = await Server.start();
    const from = (origin, transports) =>
      server.client({ transports, extraHeaders: { Origin: origin }, reconnection: false });
    for (const transports of [["websocket"], ["polling"]]) {
      await event(from("http://evil.example", transports), "connect_error");
      await event(from("http://friend.example", transports), "connect");
      await event(from(server.url, transports), "connect");
    }
    const answer = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { Origin: "http://friend.example" },
    });
    assert.equal(answer.headers.get("access-control-allow-origin"), "http://friend.example");
    assert.equal(answer.headers.get("cache-control"), "no-store");
  });

  test("a message that is too large ends the connection, and only that", async () => {
    // OPS-04
    const server = await Server.start();
    const other = await server.connected({ transports: ["websocket"] });
    assert.equal(other.io.engine._maxPayload ?? other.io.engine.maxPayload, 1_048_576);
    for (const options of [{ transports: ["websocket"] }, { transports: ["websocket"], packed: true }, { transports: ["polling"] }]) {
      const client = await server.connected({ ...options, reconnection: false });
      client.emit("call", { text: "x".repeat(1_100_000) });
      await event(client, "disconnect");
    }
    assert.equal((await call(other, "system/users", "count")).data, 0);
  });
});
