// What an application's own library for channels promises, kept with nothing but the official client and this server.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Realtime } from "./realtime.mjs";
import { PATIENCE, Server, pause, until } from "./server.mjs";

// Runs a test with a server, and clients of it that are closed with it.
const withServer = (body, env) => async () => {
  const server = await Server.start(env);
  const all = [];
  const realtime = (options) => {
    const client = new Realtime(server.url, { timeoutMs: PATIENCE, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
    all.push(client);
    return client;
  };
  try {
    await body({ server, realtime });
  } finally {
    for (const client of all) client.disconnect();
  }
};

// Subscribes, and answers the states that it is told, the first of which has come.
async function subscribed(channel) {
  const told = [];
  channel.subscribe((status, error) => told.push(error ? `${status} ${error.code}` : status));
  await until(() => told.length > 0);
  return told;
}

describe("channels as a library has them", () => {
  test("one entry point, and three kinds of bindings on one channel", withServer(async ({ realtime }) => {
    // CHA-01, CHA-02, CHA-04, CHA-05, CHA-07
    const client = realtime();
    const heard = { broadcast: [], changes: [], presence: [] };
    const channel = client
      .channel("room:1", { config: { presence: { key: "ada" } } })
      .on("broadcast", { event: "said" }, ({ payload }) => heard.broadcast.push(payload))
      .on("postgres_changes", { event: "INSERT", schema: "system", table: "users" }, (change) => heard.changes.push(change))
      .on("postgres_changes", { event: "*", table: "messages" }, (change) => heard.changes.push(change))
      .on("presence", { event: "sync" }, () => heard.presence.push("sync"))
      .on("presence", { event: "join" }, ({ joins }) => heard.presence.push(...Object.keys(joins)));
    assert.equal(channel.state, "closed");
    await client.connect();
    const told = subscribed(channel);
    assert.equal(channel.state, "joining");
    assert.deepEqual(await told, ["SUBSCRIBED"]);
    assert.equal(channel.state, "joined");
    assert.equal((await channel.track({ at: "home" })).status, "ok");
    assert.equal((await channel.send({ type: "broadcast", event: "said", payload: 7 })).status, "ok");
    await client.socket.emitWithAck("call", { model: "system/users", operation: "insert", data: { email: "ada@example.org" } });
    await client.socket.emitWithAck("call", { model: "chat/messages", operation: "insert", data: { text: "hello" } });
    await until(() => heard.changes.length === 2);
    assert.deepEqual(heard.changes.map(({ table, eventType }) => `${eventType} ${table}`), ["INSERT users", "INSERT messages"]);
    assert.deepEqual([heard.broadcast, heard.presence], [[7], ["sync", "ada"]]);
    assert.deepEqual(channel.presenceState().ada.map(({ state }) => state), [{ at: "home" }]);
  }));

  test("channels share a socket, and one of a name is one", withServer(async ({ realtime }) => {
    // CHA-03
    const client = realtime();
    const channel = client.channel("room:1", { config: { broadcast: { self: false } } });
    assert.equal(client.channel("room:1", { config: { broadcast: { self: true } } }), channel);
    let echoes = 0;
    channel.on("broadcast", {}, () => (echoes += 1));
    let elsewhere = 0;
    const other = client.channel("room:2").on("broadcast", {}, () => (elsewhere += 1));
    await Promise.all([subscribed(channel), subscribed(other)]);
    await channel.send({ event: "said" });
    await other.send({ event: "said" });
    await until(() => elsewhere === 1);
    assert.equal(echoes, 0, "what was said first holds");
    const { data } = await client.socket.emitWithAck("call", { model: "chat/messages", operation: "comings" });
    assert.equal(data.length, 1, "there is one connection");
  }));

  test("a channel is subscribed when each of its bindings is, and says why it is not", withServer(async ({ realtime }) => {
    // CHA-04, CHA-05
    const client = realtime();
    const bound = client.channel("room:1").on("postgres_changes", { table: "nothing" }, () => {});
    assert.deepEqual(await subscribed(bound), ["CHANNEL_ERROR SUBSCRIBE_FAILED"]);
    assert.equal(bound.state, "errored");
    const secret = client.channel("secret", { config: { private: true } });
    assert.deepEqual(await subscribed(secret), ["CHANNEL_ERROR SUBSCRIBE_FAILED"]);
    const hasty = realtime();
    await hasty.connect();
    // The answer does not reach it, however fast the server is.
    hasty.socket.io.engine.transport.ws._socket.pause();
    hasty.timeoutMs = 50;
    assert.deepEqual(await subscribed(hasty.channel("room:1")), ["TIMED_OUT TIMED_OUT"]);
    const nowhere = new Realtime("http://127.0.0.1:9", { reconnection: false });
    assert.deepEqual(await subscribed(nowhere.channel("room:1")), ["CHANNEL_ERROR CONNECT_FAILED"]);
    nowhere.disconnect();
  }));

  test("a client that was cut is in its channels again, and has missed nothing that was kept", withServer(async ({ realtime }) => {
    // CHA-14, CHA-21
    const [client, other] = [realtime(), realtime()];
    const heard = [];
    const changes = [];
    const channel = client
      .channel("room:1")
      .on("broadcast", { event: "shout" }, ({ payload }) => heard.push(payload.number))
      .on("postgres_changes", { table: "messages" }, (change) => changes.push(change.new.text));
    const told = await subscribed(channel);
    await channel.track("here");
    const presence = [];
    const watched = other.channel("room:1");
    for (const event of ["join", "update", "leave"]) watched.on("presence", { event }, () => presence.push(event));
    await subscribed(watched);
    const ask = (operation, data) => other.socket.emitWithAck("call", { model: "chat/messages", operation, data });
    const shout = (count) => ask("shout", { channel: "room:1", private: false, kept: true, count, size: 1 });
    await shout(2);
    await until(() => heard.length === 2);
    const [before, id] = [client.socketId, channel.id];
    client.socket.io.engine.close();
    await shout(3);
    await until(() => told.length === 2);
    assert.deepEqual(told, ["SUBSCRIBED", "SUBSCRIBED"]);
    assert.notEqual(client.socketId, before);
    assert.notEqual(channel.id, id);
    await until(() => heard.length === 5);
    assert.deepEqual(heard, [0, 1, 0, 1, 2]);
    // Its bindings are new ones, and tell as before.
    await ask("insert", { text: "again" });
    await until(() => changes.length === 1);
    assert.deepEqual(presence, [], "nobody has noticed");
  }));

  test("leaving a channel ends all of its bindings, and can be done twice", withServer(async ({ realtime }) => {
    // CHA-17, CHA-22
    const client = realtime();
    let heard = 0;
    const channel = client.channel("room:1").on("broadcast", {}, () => (heard += 1));
    channel.on("postgres_changes", { table: "messages" }, () => (heard += 1));
    const told = await subscribed(channel);
    assert.equal((await channel.untrack()).untracked, false);
    await channel.unsubscribe();
    await channel.unsubscribe();
    assert.deepEqual([told, channel.state], [["SUBSCRIBED", "CLOSED"], "closed"]);
    assert.equal((await channel.send({ event: "said" })).error.code, "NOT_FOUND");
    await client.socket.emitWithAck("call", { model: "chat/messages", operation: "insert", data: { text: "hello" } });
    const again = client.channel("room:1");
    assert.notEqual(again, channel);
    await subscribed(again);
    assert.equal(heard, 0);
  }));

  test("a client disconnects to connect with a new token, and its channels go on", withServer(async ({ realtime }) => {
    // CHA-23, CHA-26
    const client = realtime({ reconnection: false });
    await assert.rejects(client.connect(), ({ code, message }) => code === "CONNECT_FAILED" && /UNAUTHORIZED/.test(message));
    client.setAuth("let me in");
    const heard = [];
    const channel = client.channel("room:1").on("broadcast", {}, ({ payload }) => heard.push(payload));
    const told = await subscribed(channel);
    client.disconnect();
    assert.equal(client.isConnected, false);
    client.setAuth("stale");
    await assert.rejects(client.connect());
    client.setAuth("let me in");
    await client.connect();
    await until(() => told.length === 2);
    await channel.send({ event: "said", payload: "there again" });
    await until(() => heard.length === 1);
    assert.deepEqual([told, heard], [["SUBSCRIBED", "SUBSCRIBED"], ["there again"]]);
  }, { AUTH: "1" }));

  test("whoever wants to connect at once waits for one connection", withServer(async ({ realtime }) => {
    // CHA-24
    const client = realtime();
    assert.deepEqual([client.isConnected, client.socketId], [false, undefined]);
    const attempts = [client.connect(), client.connect()];
    assert.equal(attempts[0], attempts[1]);
    await Promise.all(attempts);
    assert.deepEqual([client.isConnected, typeof client.socketId], [true, "string"]);
    await client.connect();
  }));

  test("the path, the transports, the patience and more of the handshake can be set", withServer(async ({ server, realtime }) => {
    // CHA-25
    const usual = realtime({ extraAuth: { token: "let me in", device: "phone" } });
    await usual.connect();
    assert.equal(usual.socket.io.engine.transport.name, "websocket");
    const polling = realtime({ path: "/socket.io/", transports: ["polling"], extraAuth: { token: "let me in" } });
    await polling.connect();
    assert.equal(polling.socket.io.engine.transport.name, "polling");
    assert.deepEqual(await subscribed(polling.channel("room:1")), ["SUBSCRIBED"]);
    const lost = new Realtime(server.url, { path: "/nowhere", timeoutMs: 300, extraAuth: { token: "let me in" } });
    await assert.rejects(lost.connect(), { code: "CONNECT_FAILED" });
    lost.disconnect();
  }, { AUTH: "1" }));
});
