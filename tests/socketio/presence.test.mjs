// Channels when connections come and go, ask too much, or do not read.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { join, listen, say, topic } from "./channels.mjs";
import { Server, ask, call, event, pause } from "./server.mjs";

describe("channels and connections", () => {
  const websocket = { transports: ["websocket"] };

  test("five seconds without a network are no reason to leave", async () => {
    // CHA-21
    const server = await Server.start();
    const ada = await server.connected({ ...websocket, reconnectionDelay: 5_000, reconnectionDelayMax: 5_000, randomizationFactor: 0 });
    const bob = await server.connected(websocket);
    const [toBob, channel] = [listen(bob), topic()];
    const { connection } = await join(ada, channel);
    await ask(ada, "realtime:track", { channel, state: { typing: true } });
    await join(bob, channel);
    const { state } = await toBob.next("presence_state");
    const started = Date.now();
    ada.io.engine.transport.ws._socket.destroy();
    await event(ada, "connect");
    assert.ok(Date.now() - started >= 4_500);
    await join(ada, channel, { resumes: connection });
    // It says again what all have heard, and then something else.
    assert.equal((await ask(ada, "realtime:track", { channel, state: { typing: true } })).tracked, "updated");
    await ask(ada, "realtime:track", { channel, state: { typing: false } });
    const { updates } = await toBob.next("presence_update");
    const [key] = Object.keys(state);
    assert.deepEqual(updates, { [key]: [{ ref: state[key][0].ref, state: { typing: false } }] });
    assert.deepEqual(toBob.names(), []);
  });

  test("nobody takes the place of another who knows only what all are told", async () => {
    // CHA-19, CHA-21
    const server = await Server.start();
    const [ada, eve] = [await server.connected(websocket), await server.connected(websocket)];
    const [toAda, channel] = [listen(ada), topic()];
    const { id } = await join(ada, channel);
    await ask(ada, "realtime:track", { channel, state: "ada" });
    const joined = await join(eve, channel, { resumes: id });
    assert.equal((await ask(eve, "realtime:track", { channel, state: "eve" })).tracked, "joined");
    const { state } = await ask(ada, "realtime:presence_state", { channel });
    assert.deepEqual(Object.keys(state).sort(), [id, joined.id].sort());
    assert.ok(!toAda.names().includes("presence_update"));
  });

  test("who does not come back has left after a while, who says goodbye at once, and who is silent in time", async () => {
    // CHA-16, CHA-18, CHA-21
    // Someone watches a channel of a server of its own, where one of these times is short, and the other is not.
    const watched = async (env) => {
      const server = await Server.start(env);
      const bob = await server.connected(websocket);
      const [toBob, channel] = [listen(bob), topic()];
      await join(bob, channel);
      await toBob.next("presence_state");
      const present = async (key, options = websocket) => {
        const client = await server.connected({ ...options, reconnection: false });
        await join(client, channel, { config: { presence: { key } } });
        const since = Date.now();
        await ask(client, "realtime:track", { channel, state: 1 });
        await toBob.next("presence_join");
        return { client, since };
      };
      const left = async (key, since, from, to) => {
        const { leaves } = await toBob.next("presence_leave");
        assert.deepEqual(Object.keys(leaves), [key]);
        const took = Date.now() - since;
        assert.ok(took >= from && took < to, `${key} left after ${took} ms`);
      };
      return { channel, toBob, present, left };
    };
    const long = "20000";
    const patient = await watched({ GRACE: long, TTL: long });
    for (const options of [websocket, { transports: ["polling"] }]) {
      const { client } = await patient.present("goodbye", options);
      const since = Date.now();
      client.disconnect();
      await patient.left("goodbye", since, 0, 10_000);
    }
    const hasty = await watched({ GRACE: "700", TTL: long });
    const cut = await hasty.present("cut");
    const since = Date.now();
    cut.client.io.engine.transport.ws._socket.destroy();
    await hasty.left("cut", since, 600, 10_000);
    // A heartbeat is all it takes to stay.
    const strict = await watched({ GRACE: long, TTL: "6000" });
    const [silent, alive] = [await strict.present("silent"), await strict.present("alive")];
    const { channel } = strict;
    assert.equal((await ask(alive.client, "realtime:subscribe", { channel })).heartbeat_ms, 3_000);
    const gone = strict.left("silent", silent.since, 5_900, 18_000);
    for (let beats = 0; beats < 9; beats += 1) {
      await pause(1_000);
      assert.equal((await ask(alive.client, "realtime:heartbeat", {})).present, 1);
    }
    await gone;
    for (const { toBob } of [patient, hasty, strict]) assert.deepEqual(toBob.names(), []);
  });

  test("tabs of one person are under one key", async () => {
    // CHA-19
    const server = await Server.start();
    const tabs = [await server.connected(websocket), await server.connected({ transports: ["polling"], packed: true })];
    const channel = topic();
    for (const [at, tab] of tabs.entries()) {
      await join(tab, channel, { config: { presence: { key: "ada" } } });
      await ask(tab, "realtime:track", { channel, state: { tab: at } });
    }
    const { state } = await ask(tabs[0], "realtime:presence_state", { channel });
    assert.deepEqual(state.ada.map(({ state }) => state.tab), [0, 1]);
  });

  test("clients say nothing in a gated channel, and the application does", async () => {
    // CHA-28
    const server = await Server.start({ GATED: "1" });
    const client = await server.connected(websocket);
    const told = listen(client);
    await join(client, "hall");
    const refused = await say(client, "hall", 1);
    assert.deepEqual([refused.status, refused.error.code], ["error", "FORBIDDEN"]);
    await call(client, "chat/messages", "shout", { data: { channel: "hall", private: false, kept: false, count: 1, size: 1 } });
    assert.equal((await told.next("realtime:broadcast")).meta.sender_type, "system");
    await join(client, "room:open");
    assert.equal((await say(client, "room:open", 1)).status, "ok");
  });

  test("who asks too often, and for too much, is told so in the words of channels", async () => {
    // CHA-07
    const server = await Server.start({ RATE: "103" });
    const client = await server.connected(websocket);
    for (let count = 0; count < 100; count += 1) await join(client, `room:${count}`);
    const full = await ask(client, "realtime:subscribe", { channel: "room:100" });
    assert.deepEqual([full.status, full.error.code], ["error", "RATE_LIMITED"]);
    await ask(client, "realtime:heartbeat", {});
    await ask(client, "realtime:heartbeat", {});
    const often = await say(client, "room:1", 1);
    assert.deepEqual([often.status, often.error.code], ["error", "RATE_LIMITED"]);
    assert.ok(often.error.details.retryAfterMs > 0);
  });
});

describe("a client that does not read", () => {
  for (const packed of [false, true]) {
    test(`is told in which channels it has missed something, ${packed ? "as MessagePack" : "as text"}`, async () => {
      // CHA-13, CHA-14
      const server = await Server.start();
      const options = { transports: ["websocket"], packed };
      const [slow, quick] = [await server.connected(options), await server.connected(options)];
      const told = listen(slow);
      await join(slow, "room:busy");
      await join(slow, "room:quiet");
      await join(quick, "room:busy", { config: { presence: { enabled: false } } });
      const shout = (channel, kept, count, size) =>
        call(quick, "chat/messages", "shout", { data: { channel, private: false, kept, count, size } });
      await shout("room:busy", true, 1, 1);
      const first = await told.next("realtime:broadcast");
      const stream = slow.io.engine.transport.ws._socket;
      stream.pause();
      const before = await server.memory();
      for (let round = 0; round < 40; round += 1) await shout("room:busy", false, 100, 10_000);
      await ask(quick, "realtime:track", { channel: "room:busy", state: "here" });
      await shout("room:busy", true, 20, 10);
      const grown = (await server.memory()) - before;
      assert.ok(grown < 32_000_000, `the server has grown by ${grown} bytes`);
      stream.resume();
      const missed = await told.next("realtime:missed");
      assert.deepEqual(missed, { type: "missed", channel: "room:busy" });
      // Who is present it is told by itself, what was kept it asks for.
      let present = {};
      while (Object.keys(present).length === 0) ({ state: present } = await told.next("presence_state"));
      assert.deepEqual(Object.values(present)[0][0].state, "here");
      const seen = told.splice(0).filter(({ name }) => name === "realtime:broadcast");
      assert.ok(seen.length < 4_000, "most of it was missed");
      const replayed = await ask(slow, "realtime:replay", { channel: "room:busy", since: first.meta.position });
      assert.deepEqual([replayed.count, replayed.complete], [20, true]);
      const numbers = [];
      while (numbers.length < 20) numbers.push((await told.next("realtime:broadcast")).payload.number);
      assert.deepEqual(numbers, [...Array(20).keys()]);
      // From then on it hears everything, there and in the other channel.
      await shout("room:busy", false, 1, 1);
      await shout("room:quiet", false, 1, 1);
      const last = [await told.next("realtime:broadcast"), await told.next("realtime:broadcast")];
      assert.deepEqual(last.map(({ meta }) => meta.channel), ["room:busy", "room:quiet"]);
      assert.ok(!told.names().includes("realtime:missed"));
    });
  }
});
