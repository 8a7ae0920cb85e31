// Live queries.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PATIENCE, Server, ask, call, event, pause, forEachKind } from "./server.mjs";

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
      const timer = setTimeout(() => fail(new Error(`still ${JSON.stringify(live.documents).slice(0, 300)}`)), PATIENCE);
      const check = () => holds(live.documents) && (clearTimeout(timer), done(), true);
      if (!check()) live.awaited.push(check);
    });
  await begin({});
  return live;
}

forEachKind((site) => {
  test("a live query begins with its answer, and tells of every change", async () => {
    const { client } = site;
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
    const { client } = site;
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
});

describe("a client that was away", () => {
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
  });
});
