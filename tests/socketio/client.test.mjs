// The Socket.IO door with the official client, as it is, over both transports and with both parsers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { Server, ask, call, event, pause } from "./server.mjs";

// A WebSocket that answers nothing by itself.
function silentSocket(url) {
  const socket = new WebSocket(url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
  return { socket, open: event(socket, "open"), closed: event(socket, "close") };
}

// A live query as its client sees it, kept up to date by what it is told.
async function follow(client, asked) {
  const live = { documents: [], told: 0, resets: 0, awaited: [] };
  const takeIn = ({ position, documents, changes = [], reset }) => {
    live.position = position;
    if (reset) live.resets += 1;
    if (documents) live.documents = documents;
    for (const { type, _id, document, index } of changes) {
      const at = live.documents.findIndex((known) => known._id === _id);
      assert.equal(at >= 0, type !== "enter", `${type} of a document that is ${at >= 0 ? "" : "not "}there`);
      if (at >= 0 && (type === "leave" || index !== undefined)) live.documents.splice(at, 1);
      if (type === "leave") continue;
      if (index !== undefined) live.documents.splice(index, 0, document);
      else if (at >= 0) live.documents[at] = document;
      else live.documents.push(document);
    }
    live.awaited = live.awaited.filter((check) => !check());
  };
  client.on("live", (told) => {
    if (told.id !== live.id) return;
    live.told += 1;
    takeIn(told);
  });
  const begin = async (more) => {
    const { data, error } = await ask(client, "live", { ...asked, ...more });
    assert.equal(error, undefined);
    live.id = data.id;
    takeIn(data);
  };
  live.again = () => begin({ from: live.position });
  live.until = (holds) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`still ${JSON.stringify(live.documents).slice(0, 300)}`)), 10_000);
      const check = () => holds(live.documents) && (clearTimeout(timer), done(), true);
      if (!check()) live.awaited.push(check);
    });
  await begin({});
  return live;
}

const KINDS = {
  "websocket": { transports: ["websocket"] },
  "polling": { transports: ["polling"] },
  "polling, then websocket": {},
  "msgpack over websocket": { transports: ["websocket"], packed: true },
  "msgpack over polling": { transports: ["polling"], packed: true },
};

for (const [kind, options] of Object.entries(KINDS)) {
  describe(kind, () => {
    let server, client;
    before(async () => {
      server = await Server.start();
      client = await server.connected(options);
    });
    after(() => server.stop());

    test("all operations answer as over HTTP", async () => {
      const users = (operation, rest) => call(client, "system/users", operation, rest);
      const { data: ada } = await users("insert", { data: { email: "ada@example.org", password: "secret", age: 36 } });
      assert.equal(ada._version, 1);
      assert.equal(ada.password, undefined);
      await users("insert", { data: { email: "bob@example.org", age: 12 } });
      assert.deepEqual((await users("get", { query: { _id: ada._id } })).data, ada);
      assert.equal((await users("get", { query: { email: "nobody@example.org" } })).data, null);
      assert.equal((await users("list", { sort: "-age", count: 1 })).data[0].email, "ada@example.org");
      assert.equal((await users("find", { query: { age: { $gt: 5 } }, sort: "age" })).data.length, 2);
      const page = (await users("paginate", { count: 1, sort: "age" })).data;
      assert.equal(page.hasMore, true);
      const rest = await users("paginate", { count: 1, sort: "age", after: page.nextCursor });
      assert.equal(rest.data.records[0]._id, ada._id);
      const listed = await users("list", { count: 1, sort: "age", after: "" });
      assert.ok(listed.nextCursor);
      assert.equal((await users("first")).data[0].email, "ada@example.org");
      assert.equal((await users("last", { count: 1 })).data[0].email, "bob@example.org");
      assert.equal((await users("count", { query: { age: { $lt: 20 } } })).data, 1);
      assert.deepEqual((await users("aggregate", { aggregates: { sum: { sum: "age" } } })).data, { sum: 48 });
      const updated = (await users("update", { query: { _id: ada._id }, data: { age: 37 }, version: 1 })).data;
      assert.deepEqual([updated.age, updated._version], [37, 2]);
      const conflict = await users("update", { query: { _id: ada._id }, data: { age: 38 }, version: 1 });
      assert.equal(conflict.error.code, "CONFLICT");
      assert.equal((await users("upsert", { data: { email: "ada@example.org", age: 40 } })).data._id, ada._id);
      const batch = { operations: [{ op: "insert", data: { email: "eve@example.org" } }, { op: "count" }] };
      assert.equal((await users("batch", { data: batch })).data.results[1].data, 3);
      assert.equal((await users("delete", { query: { email: "eve@example.org" } })).data.email, "eve@example.org");
      const key = { data: { email: "once@example.org" }, mutationId: "a-1" };
      const first = await users("insert", key);
      const again = await users("insert", key);
      assert.deepEqual([again.data._id, again.replayed, first.replayed], [first.data._id, true, undefined]);
      assert.equal((await users("clear")).data.deleted, 3);
    });

    test("methods, queries, extensions and transactions are called", async () => {
      // RPC-02, RPC-05, RPC-07, TXN-01
      await call(client, "system/users", "insert", { data: { email: "old@example.org", age: 90 } });
      assert.deepEqual((await call(client, "system/users", "grownUp", { data: { age: 80 } })).data, ["old@example.org"]);
      assert.equal((await call(client, "system/users", "much", { data: { size: 5 } })).data, "yyyyy");
      const { error } = await call(client, "system/users", "fail", { data: { how: "teapot" } });
      assert.deepEqual([error.code, error.status, error.message], ["TEAPOT", 418, "short and stout"]);
      const mounted = await call(client, "system/users/messages", "insert", { data: { text: "below" } });
      assert.equal(mounted.data.text, "below");
      const { data } = await ask(client, "transaction", {
        operations: [
          { op: "insert", model: "chat/messages", data: { text: "one" } },
          { op: "count", model: "chat/messages" },
        ],
      });
      assert.equal(data.results[1].data, 2);
      const broken = await ask(client, "transaction", {
        operations: [
          { op: "insert", model: "chat/messages", data: { text: "gone" } },
          { op: "insert", model: "chat/messages", data: { text: "" } },
        ],
      });
      assert.deepEqual([broken.error.code, broken.error.details.index], ["VALIDATION_ERROR", 1]);
      assert.equal((await call(client, "chat/messages", "count", { query: { text: "gone" } })).data, 0);
      assert.equal((await ask(client, "procedure", { name: "none" })).error.status, 404);
    });

    test("errors are those of every door, and none loses its acknowledgement", async () => {
      const invalid = await call(client, "system/users", "insert", { data: { email: "no address" } });
      assert.equal(invalid.error.code, "VALIDATION_ERROR");
      assert.equal(invalid.error.status, 400);
      assert.equal(invalid.error.errors[0].instancePath, "/email");
      const cases = [
        ["call", { model: "system/user", operation: "get" }, "MODEL_NOT_FOUND"],
        ["call", { model: "system/users", operation: "gett" }, "METHOD_NOT_FOUND"],
        ["call", { model: "system/users", operation: "restore" }, "METHOD_NOT_FOUND"],
        ["call", { model: "system/users" }, "INVALID_REQUEST"],
        ["call", { operation: "get" }, "INVALID_REQUEST"],
        ["call", { model: 1, operation: "get" }, "INVALID_REQUEST"],
        ["call", { model: "system/users", operation: "get", data: {} }, "INVALID_REQUEST"],
        ["call", { model: "system/users", operation: "get", version: 1 }, "INVALID_REQUEST"],
        ["call", { model: "system/users", operation: "get", query: { password: "secret" } }, "INVALID_QUERY"],
        ["call", { model: "system/users", operation: "get", qery: {} }, "INVALID_QUERY"],
        ["call", { model: "system/users", operation: "grownUp", age: 1 }, "INVALID_REQUEST"],
        ["call", { model: "system/users", operation: "get", mutationId: "x" }, "INVALID_REQUEST"],
        ["call", null, "INVALID_REQUEST"],
        ["call", "text", "INVALID_REQUEST"],
        ["call", [], "INVALID_REQUEST"],
        ["call", 7, "INVALID_REQUEST"],
        ["transaction", {}, "INVALID_REQUEST"],
        ["transaction", { operations: [], more: 1 }, "INVALID_REQUEST"],
        ["subscribe", { model: "chat/messages", query: [] }, "INVALID_QUERY"],
        ["subscribe", { model: "chat/nothing" }, "MODEL_NOT_FOUND"],
        ["dispatch", { model: "chat/messages" }, "INVALID_REQUEST"],
        ["dispatch", { id: "chat/messages:0", event: "sendMessage" }, "NOT_FOUND"],
        ["subcribe", {}, "EVENT_NOT_FOUND"],
        ["x".repeat(5_000), {}, "EVENT_NOT_FOUND"],
      ];
      for (const [name, argument, code] of cases) {
        const { error } = await ask(client, name, argument);
        assert.equal(error?.code, code, `${name} ${JSON.stringify(argument)}`);
      }
      assert.equal((await client.timeout(5_000).emitWithAck("call", {}, {})).error.code, "INVALID_REQUEST");
      assert.equal((await client.timeout(5_000).emitWithAck("call")).error.code, "INVALID_REQUEST");
      const unknown = (await ask(client, "subcribe", {})).error;
      assert.match(unknown.message, /did you mean `subscribe`/);
      // What wants no acknowledgement harms nothing.
      client.emit("call", { nonsense: true });
      client.emit("nothing of the kind");
    });

    test("panics and slow handlers are answered, and harm nobody else", async () => {
      const { error } = await call(client, "system/users", "fail", { data: { how: "the handler broke" } });
      assert.equal(error.code, "INTERNAL_ERROR");
      assert.ok(error.details.requestId);
      assert.doesNotMatch(JSON.stringify(error), /broke/);
      const internal = (await call(client, "system/users", "fail", { data: { how: "internal" } })).error;
      assert.doesNotMatch(JSON.stringify(internal), /disk/);
      const started = Date.now();
      const slow = call(client, "system/users", "fail", { data: { how: "slow" } });
      assert.equal((await call(client, "system/users", "count")).error, undefined);
      assert.ok(Date.now() - started < 1_500, "a quick call does not wait for a slow one");
      assert.equal((await slow).error.code, "OVERLOADED");
    });

    test("what is published reaches those who have subscribed to the same query", async () => {
      // RTE-01, RTE-02, RTE-03, RTE-04, RTE-05, RTE-06, RTE-11, RTE-14
      const other = await server.connected(options);
      const stranger = await server.connected(options);
      const query = { roomId: "abc", number: 1 };
      const mine = (await ask(client, "subscribe", { model: "chat/messages", query })).data;
      const theirs = (await ask(other, "subscribe", { model: "chat/messages", query: { number: 1, roomId: "abc" } })).data;
      assert.equal(mine.id, theirs.id);
      assert.deepEqual([...mine.events].sort(), ["burst", "sendMessage"]);
      const elsewhere = (await ask(stranger, "subscribe", { model: "chat/messages", query: {} })).data;
      assert.notEqual(elsewhere.id, mine.id);
      let strayed = 0;
      stranger.on("publish", () => (strayed += 1));
      const both = Promise.all([event(client, "publish"), event(other, "publish")]);
      // RTE-08, RTE-10
      const answer = await ask(client, "dispatch", { id: mine.id, event: "sendMessage", data: { text: "hello" } });
      assert.deepEqual(answer, { data: { delivered: true } });
      for (const heard of await both) {
        assert.deepEqual(heard, { id: mine.id, data: { said: "hello", scope: query } });
      }
      // Nobody has to subscribe to dispatch.
      const heard = event(stranger, "publish");
      await ask(client, "dispatch", { model: "chat/messages", event: "sendMessage", data: { text: "to all" } });
      assert.deepEqual((await heard).data, { said: "to all", scope: {} });
      assert.equal(strayed, 1);
      // RTE-07, RTE-09
      const invalid = await ask(client, "dispatch", { id: mine.id, event: "sendMessage", data: { text: "" } });
      assert.equal(invalid.error.code, "VALIDATION_ERROR");
      const missing = await ask(client, "dispatch", { id: mine.id, event: "sendMesage", data: {} });
      assert.deepEqual([missing.error.code, missing.error.details.id], ["EVENT_NOT_FOUND", "sendMesage"]);
      const panicked = await ask(client, "dispatch", { id: mine.id, event: "burst", data: { why: "no" } });
      assert.equal(panicked.error.code, "INTERNAL_ERROR");
      assert.deepEqual(await ask(other, "unsubscribe", { id: mine.id }), { data: true });
      assert.deepEqual(await ask(other, "unsubscribe", { model: "chat/messages", query }), { data: false });
      let late = 0;
      other.on("publish", () => (late += 1));
      const still = event(client, "publish");
      await ask(client, "dispatch", { id: mine.id, event: "sendMessage", data: { text: "again" } });
      await still;
      await ask(other, "unsubscribe", { id: mine.id });
      assert.equal(late, 0);
      await ask(client, "unsubscribe", { id: mine.id });
    });

    test("subscriptions end with their connection, and for all when the server says so", async () => {
      // RTE-12, RTE-13
      const count = async () => (await call(client, "chat/messages", "rooms")).data;
      const started = await count();
      const other = await server.connected(options);
      for (let room = 0; room < 20; room += 1) {
        await ask(other, "subscribe", { model: "chat/messages", query: { roomId: `r${room}` } });
      }
      const again = await ask(other, "subscribe", { model: "chat/messages", query: { roomId: "r0" } });
      assert.ok(again.data.id, "the same one takes no second place");
      const tooMany = await ask(other, "subscribe", { model: "chat/messages", query: { roomId: "r20" } });
      assert.equal(tooMany.error.code, "RATE_LIMITED");
      assert.equal(await count(), started + 20);
      const ended = event(other, "ended");
      assert.equal((await call(client, "chat/messages", "closeRoom", { data: { room: "r3" } })).data, true);
      assert.deepEqual(await ended, { id: again.data.id.replace(/:.*/, ":") + (await ended).id.split(":")[1] });
      assert.equal(await count(), started + 19);
      other.close();
      for (let tries = 0; (await count()) !== started; tries += 1) {
        assert.ok(tries < 100, "the subscriptions of a client that went are gone");
        await pause(50);
      }
    });

    test("a live query begins with its answer, and tells of every change", async () => {
      const users = (operation, rest) => call(client, "system/users", operation, rest);
      await users("clear");
      const { data: ada } = await users("insert", { data: { email: "ada@example.org", age: 36 } });
      const asked = { model: "system/users", query: { age: { $gt: 18 } }, sort: "age" };
      const live = await follow(client, asked);
      assert.deepEqual(live.documents, [ada]);
      await users("insert", { data: { email: "kid@example.org", age: 7 } });
      const { data: bob } = await users("insert", { data: { email: "bob@example.org", age: 20 } });
      await users("update", { query: { _id: ada._id }, data: { age: 9 } });
      await live.until((documents) => documents.length === 1 && documents[0]._id === bob._id);
      assert.deepEqual(live.documents, [bob]);
      assert.equal((await ask(client, "unsubscribe", { id: live.id })).data, true);
      const told = live.told;
      // Those who come back go on where they were.
      await users("update", { query: { _id: bob._id }, data: { age: 21 } });
      await users("delete", { query: { _id: ada._id } });
      const { data: eve } = await users("insert", { data: { email: "eve@example.org", age: 30 } });
      await pause(50);
      assert.equal(live.told, told, "nothing is told after the end");
      await live.again();
      assert.deepEqual(live.documents.map(({ _id, age }) => [_id, age]), [[bob._id, 21], [eve._id, 30]]);
      assert.equal(live.resets, 0);
      const window = await follow(client, { model: "system/users", sort: "-age", count: 1 });
      assert.deepEqual(window.documents, [eve]);
      const { data: old } = await users("insert", { data: { email: "old@example.org", age: 99 } });
      await window.until((documents) => documents[0]._id === old._id);
      assert.equal(window.documents.length, 1);
      for (const { id } of [live, window]) await ask(client, "unsubscribe", { id });
      const wrong = await ask(client, "live", { model: "system/users", query: { password: "x" } });
      assert.equal(wrong.error.code, "INVALID_QUERY");
      const forged = await ask(client, "live", { ...asked, from: "nonsense" });
      assert.equal(forged.data.reset, true);
      await ask(client, "unsubscribe", { id: forged.data.id });
    });

    test("a query by name is live too", async () => {
      const users = (operation, rest) => call(client, "system/users", operation, rest);
      await users("clear");
      const asked = await ask(client, "live", { model: "system/users", operation: "grownUp", data: { age: 18 } });
      assert.deepEqual(asked.data.data, []);
      const told = event(client, "live");
      await users("insert", { data: { email: "ada@example.org", age: 36 } });
      assert.deepEqual(await told, { id: asked.data.id, data: ["ada@example.org"] });
      assert.equal((await ask(client, "unsubscribe", { id: asked.data.id })).data, true);
      const none = await ask(client, "live", { model: "system/users", operation: "fail", data: {} });
      assert.equal(none.error.code, "METHOD_NOT_FOUND");
    });

    test("bytes arrive as base64", async () => {
      const { data } = await call(client, "chat/messages", "insert", { data: { text: Buffer.from([1, 2, 3]) } });
      assert.equal(data.text, "AQID");
      const raw = await ask(client, "call", Buffer.from("raw"));
      assert.equal(raw.error.code, "INVALID_REQUEST");
    });

    test("large answers and many at once all arrive", async () => {
      const large = await call(client, "system/users", "much", { data: { size: 3_000_000 } });
      assert.equal(large.data.length, 3_000_000);
      const many = await Promise.all(
        Array.from({ length: 500 }, (_, age) => call(client, "system/users", "count", { query: { age } })),
      );
      assert.ok(many.every(({ data }) => typeof data === "number"));
      const text = "é".repeat(90_000);
      assert.equal((await call(client, "chat/messages", "insert", { data: { text } })).data.text, text);
    });

    test("what was sent is not counted as waiting", async () => {
      // OPS-08
      const metric = async (name) => {
        const text = await (await fetch(`${server.url}/@metrics`)).text();
        return Number(text.split("\n").find((line) => line.startsWith(`${name} `)).split(" ")[1]);
      };
      await call(client, "system/users", "count");
      for (let tries = 0; (await metric("modeller_buffered_bytes")) !== 0; tries += 1) {
        assert.ok(tries < 40, `${await metric("modeller_buffered_bytes")} bytes wait for ever`);
        await pause(50);
      }
      assert.ok((await metric('modeller_requests_total{door="socketio"}')) > 500);
      assert.ok((await metric('modeller_connections{door="socketio"}')) >= 1);
    });
  });
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
    await first.stop();
    await second.stop();
  });

  test("a client that can't use polling's sessions any more gets a new one", async () => {
    const first = await Server.start();
    const client = await first.connected({ transports: ["polling"] });
    await first.kill();
    const second = await Server.start({}, first.port);
    if (client.connected) await event(client, "disconnect");
    if (!client.connected) await event(client, "connect");
    assert.equal((await call(client, "system/users", "count")).data, 0);
    await first.stop();
    await second.stop();
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
    await pause(300);
    const started = Date.now();
    await server.kill("SIGTERM");
    assert.deepEqual(await Promise.all(told), clients.map(() => ({ gracePeriodMs: 0 })));
    await Promise.all(gone);
    assert.ok(Date.now() - started < 5_000, `it took ${Date.now() - started} ms`);
    assert.equal(server.process.exitCode, 0, server.errors);
    await server.stop();
  });

  test("the heartbeat keeps who answers, and gives up who does not", async () => {
    const server = await Server.start({ PING: "300" });
    for (const transports of [["websocket"], ["polling"]]) {
      const client = await server.connected({ transports });
      let dropped = 0;
      client.on("disconnect", () => (dropped += 1));
      await pause(2_000);
      assert.equal(dropped, 0);
      assert.ok(client.connected);
    }
    const silent = silentSocket(server.url);
    await silent.open;
    silent.socket.send("40");
    const started = Date.now();
    await silent.closed;
    assert.ok(Date.now() - started < 3_000);
    await server.stop();
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
    await server.stop();
  });

  test("without a check of tokens any token is anonymous", async () => {
    const server = await Server.start();
    const client = await server.connected({ auth: { token: "whatever" } });
    assert.equal((await call(client, "system/users", "count")).data, 0);
    const elsewhere = server.client({ forceNew: true });
    const namespaced = elsewhere.io.socket("/admin");
    assert.equal((await event(namespaced, "connect_error")).message, "Invalid namespace");
    await server.stop();
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
    await server.stop();
  });

  test("more clients than there may be are told to come back, and get in when there is room", async () => {
    const server = await Server.start({ CONNECTIONS: "2" });
    const first = await server.connected({ transports: ["websocket"] });
    await server.connected({ transports: ["polling"] });
    const waiting = server.client({ transports: ["websocket"] });
    await event(waiting, "connect_error");
    first.close();
    await event(waiting, "connect");
    await server.stop();
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
    await server.stop();
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
    await server.stop();
  });

  test("a client that does not read takes no memory, misses what it is told it missed, and holds up nobody", async () => {
    // OPS-03
    const server = await Server.start();
    const slow = await server.connected({ transports: ["websocket"] });
    const quick = await server.connected({ transports: ["websocket"] });
    const query = { roomId: "flood" };
    await ask(slow, "subscribe", { model: "chat/messages", query });
    const count = { quick: 0, slow: 0, missed: 0 };
    slow.on("publish", () => (count.slow += 1));
    slow.on("missed", (gap) => (count.missed += gap.count));
    const stream = slow.io.engine.transport.ws._socket;
    stream.pause();
    const before = await server.memory();
    const announce = (size) =>
      call(quick, "chat/messages", "announce", { data: { room: "flood", count: 100, size } });
    for (let round = 0; round < 50; round += 1) {
      // 50 × 100 × 10 kB = 50 MB that nobody takes.
      assert.equal((await announce(10_000)).data, 100);
    }
    const grown = (await server.memory()) - before;
    assert.ok(grown < 24_000_000, `the server has grown by ${grown} bytes`);
    stream.resume();
    for (let tries = 0; count.slow + count.missed < 5_000; tries += 1) {
      assert.ok(tries < 200, JSON.stringify(count));
      await pause(50);
    }
    assert.equal(count.slow + count.missed, 5_000);
    assert.ok(count.missed > 3_000, "most of it was missed");
    assert.equal((await announce(10)).data, 100);
    for (let tries = 0; count.slow + count.missed < 5_100; tries += 1) {
      assert.ok(tries < 200, JSON.stringify(count));
      await pause(50);
    }
    await server.stop();
  });

  test("a live query is right again after a cut, and after a time in which nothing was read", async () => {
    const server = await Server.start();
    const writer = await server.connected({ transports: ["websocket"] });
    const reader = await server.connected({ transports: ["websocket"] });
    const write = (text) => call(writer, "chat/messages", "insert", { data: { text } });
    const live = await follow(reader, { model: "chat/messages", sort: "_createdAt" });
    await write("before");
    await live.until((documents) => documents.length === 1);
    // The network goes, and the client comes back by itself.
    reader.io.engine.close();
    for (let number = 0; number < 20; number += 1) await write(`cut ${number}`);
    if (!reader.connected) await event(reader, "connect");
    await live.again();
    await live.until((documents) => documents.length === 21);
    assert.equal(live.resets, 0);
    const stream = reader.io.engine.transport.ws._socket;
    stream.pause();
    const before = await server.memory();
    const long = "x".repeat(50_000);
    for (let number = 0; number < 300; number += 1) await write(long);
    const { data: all } = await call(writer, "chat/messages", "update", { query: { text: "before" }, data: { text: "after" } });
    const grown = (await server.memory()) - before;
    assert.ok(grown < 64_000_000, `the server has grown by ${grown} bytes`);
    stream.resume();
    await live.until((documents) => documents.length === 321 && documents.some(({ text }) => text === "after"));
    assert.deepEqual(live.documents.find(({ _id }) => _id === all[0]._id), all[0]);
    await server.stop();
  });

  test("answers wait for a client that does not read, and none is lost", async () => {
    const server = await Server.start();
    const client = await server.connected({ transports: ["websocket"] });
    const stream = client.io.engine.transport.ws._socket;
    stream.pause();
    const before = await server.memory();
    const answers = Promise.all(
      Array.from({ length: 200 }, () => call(client, "system/users", "much", { data: { size: 500_000 } })),
    );
    await pause(1_500);
    const grown = (await server.memory()) - before;
    // 100 MB are asked for: what is carried out at once may wait, and no more than that.
    assert.ok(grown < 64_000_000, `the server has grown by ${grown} bytes`);
    stream.resume();
    assert.ok((await answers).every(({ data }) => data.length === 500_000));
    await server.stop();
  });

  test("no frame breaks the server, and each that can be answered is", async () => {
    const server = await Server.start();
    const texts = [
      "", "4", "9", "2probe", "5", "42", "42[", "42[]", "42{}", "42[1]", "421", "42[\"\"]", "42/other,[\"call\"]", "43", "431", "43[]",
      "4", "40x", "40/", "40{", "41", "44", "45", "451-", "451-[\"call\"]", "4599999-[\"a\",{\"_placeholder\":true,\"num\":0}]", "46", "47",
      "42-1[\"call\"]", "4299999999999999999999[\"call\",{}]", "420[\"call\",{\"a\":1,\"a\":2}]", "420[\"call\",{\"a\":1e999}]",
      `420["call",${"[".repeat(100_000)}`, `420["call",${"[".repeat(5_000)}${"]".repeat(5_000)}]`, "420[\"call\",{\"a\":\"\ud800\"}]",
      "420[\"call\",{\"_placeholder\":true,\"num\":-1}]", "\u0000", "4\u0000", "é", "4é", "42é", "40é,{}", "420[\"é\",é]",
    ];
    const packets = texts.map((text) => [text]);
    const place = '{"_placeholder":true,"num":0}';
    packets.push([`451-0["call",${place}]`, Buffer.from([1])], [`451-0["call",${place}]`, "4"], [Buffer.from([1, 2, 3])]);
    packets.push([`452-0["call",${place}]`, Buffer.from([1]), Buffer.from([2])]);
    const bytes = ["", "c1", "80", "81a474797065", "83a47479706502a36e7370a12fa464617461c0", "83a47479706502a36e7370a12fa46461746190",
      "83a47479706502a36e7370a12fa4646174619101", "83a47479706502a36e7370a12fa464617461ddffffffff", "dfffffffff", "c6ffffffff", "ff",
      "84a47479706502a36e7370a12fa46461746192a463616c6cd6ff00000000a2696401", "91".repeat(5_000)];
    const tries = [
      ...packets.map((frames) => ["/socket.io/", "40", frames]),
      ...texts.slice(0, 5).map((text) => ["/socket.io/msgpack/", Buffer.from("82a47479706500a36e7370a12f", "hex"), [text]]),
      ...bytes.map((hex) => ["/socket.io/msgpack/", Buffer.from("82a47479706500a36e7370a12f", "hex"), [Buffer.from(hex, "hex")]]),
    ];
    for (const [path, connect, frames] of tries) {
      for (const first of [[], [connect]]) {
        const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}?EIO=4&transport=websocket`);
        const open = event(socket, "open");
        socket.on("error", () => {});
        await open;
        for (const frame of [...first, ...frames]) socket.send(frame);
        await pause(5);
        socket.terminate();
      }
    }
    // With its number an event is answered whatever it holds.
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    const heard = [];
    socket.on("message", (text) => heard.push(text.toString()));
    await event(socket, "open");
    socket.send("40");
    for (let tries = 0; !heard.some((text) => text.startsWith("40")); tries += 1) {
      assert.ok(tries < 100, "the connection is confirmed");
      await pause(20);
    }
    const answered = ['["call",{"a":1,"a":2}]', '["call",{"a":1e999}]', `["call",${"[".repeat(1_000)}${"]".repeat(1_000)}]`];
    answered.forEach((text, number) => socket.send(`42${number}${text}`));
    // What is no JSON at all ends the connection, as with the reference server.
    for (let number = 0; number < answered.length; number += 1) {
      for (let tries = 0; !heard.some((text) => text.startsWith(`43${number}[{"error":{"code":"PARSE_ERROR"`)); tries += 1) {
        assert.ok(tries < 100, `${answered[number].slice(0, 40)} was not answered: ${heard}`);
        await pause(20);
      }
    }
    socket.terminate();
    const client = await server.connected({ transports: ["websocket"] });
    assert.equal((await call(client, "system/users", "count")).data, 0);
    assert.doesNotMatch(server.errors, /panicked/);
    await server.stop();
  });

  test("no request breaks the server, and each gets an answer", async () => {
    const server = await Server.start();
    const at = (query, options = {}) => fetch(`${server.url}/socket.io/${query}`, { signal: AbortSignal.timeout(5_000), ...options });
    const post = (body) => ({ method: "POST", body });
    for (const [query, options] of [
      [""], ["?"], ["?EIO=4"], ["?EIO=3&transport=polling"], ["?EIO=4&transport=carrier-pigeon"], ["?EIO=4&transport=websocket"],
      ["?EIO=4&transport=polling&sid=x"], ["?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA"], ["?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAA"],
      ["?EIO=4&transport=polling", post("40")], ["?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", post("40")],
      ["?EIO=4&transport=polling", { method: "DELETE" }], ["?EIO=4&transport=polling", { method: "PUT", body: "40" }],
      ["msgpack/"], ["msgpack/?EIO=4&transport=websocket"], ["a/b/c"],
    ]) {
      const { status } = await at(query, options);
      assert.ok(status >= 400 && status < 500, `${query} ${JSON.stringify(options)} got ${status}`);
    }
    const open = async () => JSON.parse((await (await at("?EIO=4&transport=polling")).text()).slice(1)).sid;
    for (const body of ["", "x", "40\x1e42", "bAAAA", "b!", "4".repeat(1_200_000), Buffer.from([0xff, 0xfe])]) {
      const { status } = await at(`?EIO=4&transport=polling&sid=${await open()}`, post(body));
      assert.ok(status < 500, `${String(body).slice(0, 20)} got ${status}`);
    }
    const sid = await open();
    await at(`?EIO=4&transport=polling&sid=${sid}`, post("40"));
    // One is answered with a heartbeat, one with the connection; of the rest only one may wait.
    const polls = await Promise.all([0, 1, 2, 3, 4].map(() => at(`?EIO=4&transport=polling&sid=${sid}`)));
    assert.ok(polls.every(({ status }) => status < 500));
    assert.doesNotMatch(server.errors, /panicked/);
    await server.stop();
  });
});
