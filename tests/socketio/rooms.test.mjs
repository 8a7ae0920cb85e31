// Scoped subscriptions, and what is published to them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, call, event, until, forEachKind } from "./server.mjs";

forEachKind((site) => {
  test("what is published reaches those who have subscribed to the same query", async () => {
    const { server, client, options } = site;
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

  test("a method has one caller and one answer, an event has checked arguments and all who listen", async () => {
    const { server, client, options } = site;
    // RTE-15
    const others = [await server.connected(options), await server.connected(options)];
    const everybody = [client, ...others];
    const told = everybody.map(() => []);
    everybody.forEach((one, at) => one.onAny((...heard) => told[at].push(heard)));
    const scope = { model: "chat/messages", query: { roomId: "rule" } };
    for (const one of everybody) await ask(one, "subscribe", scope);
    // As a method it answers its caller, and nobody else hears of it.
    assert.deepEqual(await call(client, "system/users", "much", { data: { size: 3 } }), { data: "yyy" });
    // What an event can't take is told to the one who sent it.
    const refused = await ask(client, "dispatch", { ...scope, event: "sendMessage", data: { text: 7 } });
    assert.equal(refused.error.code, "VALIDATION_ERROR");
    assert.deepEqual(told, [[], [], []]);
    const heard = Promise.all(everybody.map((one) => event(one, "publish")));
    assert.deepEqual(await ask(client, "dispatch", { ...scope, event: "sendMessage", data: { text: "hi" } }), { data: { delivered: true } });
    assert.deepEqual((await heard).map(({ data }) => data.said), ["hi", "hi", "hi"]);
    assert.deepEqual(told.map(({ length }) => length), [1, 1, 1]);
    // An event is no method, and the other way round.
    const asMethod = await call(client, "chat/messages", "sendMessage", { data: { text: "hi" } });
    assert.equal(asMethod.error.code, "METHOD_NOT_FOUND");
    const asEvent = await ask(client, "dispatch", { ...scope, event: "announce", data: {} });
    assert.equal(asEvent.error.code, "EVENT_NOT_FOUND");
    client.offAny();
    await ask(client, "unsubscribe", scope);
  });

  test("subscriptions end with their connection, and for all when the server says so", async () => {
    const { server, client, options } = site;
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
    await until(async () => (await count()) === started, () => "the subscriptions of a client that went are gone");
  });
});
