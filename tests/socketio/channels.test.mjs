// Channels on the wire: what clients ask for with `realtime:` before it, and what they are told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { join, listen, say, topic } from "./channels.mjs";
import { ask, call, forEachKind } from "./server.mjs";

forEachKind((site) => {
  test("what is said in a channel reaches all who have joined it, and is acknowledged", async () => {
    // CHA-01, CHA-06, CHA-07, CHA-08, CHA-09, CHA-10, CHA-12
    const { server, client: ada, options } = site;
    const [bob, stranger] = [await server.connected(options), await server.connected(options)];
    const [toAda, toBob, toStranger] = [ada, bob, stranger].map(listen);
    const channel = topic();
    const joined = await join(ada, channel);
    assert.deepEqual([joined.channel, joined.private, joined.heartbeat_ms], [channel, false, 22_500]);
    await join(bob, channel, { config: { broadcast: { self: false } } });
    const acked = await say(bob, channel, { text: "hello" });
    assert.deepEqual(Object.keys(acked).sort(), ["message_id", "status"]);
    const heard = await toAda.next("realtime:broadcast");
    assert.deepEqual([heard.type, heard.event, heard.payload], ["broadcast", "said", { text: "hello" }]);
    const { message_id, sender_type, timestamp } = heard.meta;
    assert.deepEqual([heard.meta.channel, message_id, sender_type], [channel, acked.message_id, "user"]);
    assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000);
    // Who is in it by itself hears itself, who has said otherwise does not.
    await say(ada, channel, [1, 2.5, null, "é"]);
    assert.deepEqual((await toAda.next("realtime:broadcast")).payload, [1, 2.5, null, "é"]);
    assert.deepEqual((await toBob.next("realtime:broadcast")).meta.sender_id, joined.id);
    // Nobody has kept it.
    assert.deepEqual((await ask(bob, "realtime:replay", { channel, since: "2020-01-01T00:00:00Z" })).count, 0);
    assert.deepEqual(toBob.names().filter((name) => name === "realtime:broadcast"), []);
    assert.deepEqual(toStranger.names(), []);
  });

  test("bytes in a payload arrive as base64", async () => {
    // CHA-09
    const { client } = site;
    const [told, channel] = [listen(client), topic()];
    await join(client, channel);
    await say(client, channel, { photo: Buffer.from([1, 2, 3]) });
    assert.deepEqual((await told.next("realtime:broadcast")).payload, { photo: "AQID" });
  });

  test("each failure is acknowledged, and told to who wants no acknowledgement", async () => {
    // CHA-06, CHA-07
    const { client } = site;
    const [told, channel] = [listen(client), topic()];
    await join(client, channel);
    const cases = [
      ["publish", { channel: "room:elsewhere", event: "said" }, "NOT_FOUND"],
      ["publish", { channel, payload: 1 }, "INVALID_REQUEST"],
      ["publish", { channel, event: "said", payload: "x".repeat(300_000) }, "PAYLOAD_TOO_LARGE"],
      ["publish", { channel, event: "said", paylod: 1 }, "INVALID_REQUEST"],
      ["subscribe", {}, "INVALID_REQUEST"],
      ["subscribe", { channel: "" }, "INVALID_REQUEST"],
      ["subscribe", { channel: "x".repeat(300) }, "INVALID_REQUEST"],
      ["subscribe", { channel, config: { privat: true } }, "INVALID_REQUEST"],
      ["subscribe", { channel, resumes: 7 }, "INVALID_REQUEST"],
      ["subscribe", { channel, config: { private: true } }, "CONFLICT"],
      ["subscribe", null, "INVALID_REQUEST"],
      ["track", { channel: "room:elsewhere", state: {} }, "NOT_FOUND"],
      ["track", { channel, state: "x".repeat(5_000) }, "PAYLOAD_TOO_LARGE"],
      ["untrack", { channel: "room:elsewhere" }, "NOT_FOUND"],
      ["presence_state", { channel: "room:elsewhere" }, "NOT_FOUND"],
      ["replay", { channel, since: "yesterday" }, "INVALID_REQUEST"],
      ["postgres_changes:subscribe", { channel, table: "nothing" }, "MODEL_NOT_FOUND"],
      ["postgres_changes:subscribe", { channel, table: "users", filter: "password=eq.x" }, "INVALID_QUERY"],
      ["postgres_changes:unsubscribe", { subscription_id: "none" }, "NOT_FOUND"],
      ["nothing", {}, "EVENT_NOT_FOUND"],
    ];
    for (const [operation, argument, code] of cases) {
      const answer = await ask(client, `realtime:${operation}`, argument);
      assert.deepEqual([answer.status, answer.error?.code], ["error", code], `${operation} ${JSON.stringify(argument)}`);
    }
    client.emit("realtime:publish", { channel: "room:elsewhere", event: "said" });
    const said = await told.next("realtime:error");
    assert.deepEqual([said.event, said.channel, said.error.code], ["realtime:publish", "room:elsewhere", "NOT_FOUND"]);
    client.emit("realtime:track", { channel: 7 });
    assert.equal((await told.next("realtime:error")).error.code, "INVALID_REQUEST");
    client.emit("realtime:nothing", {});
    assert.equal((await told.next("realtime:error")).error.code, "EVENT_NOT_FOUND");
    // What goes well needs no word.
    client.emit("realtime:publish", { channel, event: "said", payload: 1 });
    assert.equal((await told.next("realtime:broadcast")).payload, 1);
    assert.deepEqual(told.names().filter((name) => name === "realtime:error"), []);
  });

  test("who is present is told to all, and an update is neither a leave nor a join", async () => {
    // CHA-16, CHA-17, CHA-18, CHA-19, CHA-20
    const { server, client: ada, options } = site;
    const bob = await server.connected(options);
    const [toAda, toBob, channel] = [listen(ada), listen(bob), topic()];
    const untracked = await ask(ada, "realtime:track", { channel, state: {} });
    assert.equal(untracked.error.code, "NOT_FOUND", "it takes a channel to be present in");
    const joined = await join(ada, channel, { config: { presence: { key: "ada" } } });
    assert.deepEqual((await toAda.next("presence_state")).state, {});
    assert.equal((await ask(ada, "realtime:untrack", { channel })).untracked, false);
    assert.deepEqual(await ask(ada, "realtime:track", { channel, state: { typing: false } }), { status: "ok", tracked: "joined" });
    const { joins } = await toAda.next("presence_join");
    await join(bob, channel);
    assert.deepEqual((await toBob.next("presence_state")).state, joins);
    assert.deepEqual(joins.ada.map(({ state }) => state), [{ typing: false }]);
    assert.equal((await ask(ada, "realtime:track", { channel, state: { at: 1 } })).tracked, "updated");
    const { updates, event: name } = await toBob.next("presence_update");
    // It takes the place of the state before, and is the same entry.
    assert.deepEqual([name, updates], ["update", { ada: [{ ref: joins.ada[0].ref, state: { at: 1 } }] }]);
    assert.equal((await ask(ada, "realtime:heartbeat", {})).present, 1);
    const asked = await ask(bob, "realtime:presence_state", { channel });
    assert.deepEqual(asked, { status: "ok", state: updates });
    // Without a key it is present under its id.
    await ask(bob, "realtime:track", { channel, state: null });
    const other = Object.keys((await toAda.next("presence_join")).joins);
    assert.notEqual(other[0], joined.id);
    assert.equal((await ask(ada, "realtime:untrack", { channel })).untracked, true);
    for (const told of [toAda, toBob]) assert.deepEqual((await told.next("presence_leave")).leaves, updates);
    await ask(bob, "realtime:unsubscribe", { channel });
    assert.deepEqual(Object.keys((await toAda.next("presence_leave")).leaves), other);
    assert.ok(!toAda.names().includes("presence_leave"));
  });

  test("changes of a model come through a channel, for each binding", async () => {
    // CHA-02, CHA-06
    const { client } = site;
    const [told, channel] = [listen(client), topic()];
    await call(client, "system/users", "clear");
    await join(client, channel);
    const bind = (more) => ask(client, "realtime:postgres_changes:subscribe", { channel, table: "users", ...more });
    const grown = await bind({ event: "INSERT", schema: "system", filter: "age=gte.18" });
    const all = await bind({ event: "*" });
    assert.notEqual(grown.subscription_id, all.subscription_id);
    for (const age of [17, 18]) await call(client, "system/users", "insert", { data: { email: `a${age}@example.org`, age } });
    const changes = [];
    for (let count = 0; count < 3; count += 1) changes.push(await told.next("realtime:postgres_changes"));
    const by = (id) => changes.filter(({ subscription_id }) => subscription_id === id).map(({ payload }) => payload);
    assert.deepEqual(by(grown.subscription_id).map(({ eventType, new: { age } }) => [eventType, age]), [["INSERT", 18]]);
    assert.deepEqual(by(all.subscription_id).map(({ new: { age } }) => age), [17, 18]);
    assert.deepEqual([changes[0].type, changes[0].channel, changes[0].payload.old], ["postgres_changes", channel, {}]);
    // All three kinds are in one channel.
    await say(client, channel, "and this");
    assert.equal((await told.next("realtime:broadcast")).payload, "and this");
    await ask(client, "realtime:postgres_changes:unsubscribe", { subscription_id: all.subscription_id });
    await call(client, "system/users", "clear");
    await say(client, channel, "the end");
    await told.next("realtime:broadcast");
    assert.ok(!told.names().includes("realtime:postgres_changes"));
  });

  test("what the application says is kept, and told again to the one who asks", async () => {
    // CHA-11, CHA-12, CHA-13, CHA-14
    const { server, client, options } = site;
    const late = await server.connected(options);
    const [told, toLate, channel] = [listen(client), listen(late), topic()];
    await join(client, channel);
    const shout = (count, kept = true) =>
      call(client, "chat/messages", "shout", { data: { channel, private: false, kept, count, size: 1 } });
    await shout(600);
    await shout(1, false);
    const heard = [];
    for (let count = 0; count < 601; count += 1) heard.push(await told.next("realtime:broadcast"));
    assert.deepEqual(heard.map(({ payload }) => payload.number), [...Array(600).keys(), 0]);
    assert.ok(heard.every(({ meta }) => meta.sender_type === "system" && meta.sender_id === undefined));
    await join(late, channel);
    const since = heard[99].meta.position;
    const replayed = await ask(late, "realtime:replay", { channel, since });
    assert.deepEqual([replayed.count, replayed.complete, replayed.more], [500, true, false]);
    const again = [];
    for (let count = 0; count < 500; count += 1) again.push(await toLate.next("realtime:broadcast"));
    assert.deepEqual(again, heard.slice(100, 600));
    const few = await ask(late, "realtime:replay", { channel, since, limit: 2 });
    assert.deepEqual([few.count, few.more, few.position], [2, true, heard[101].meta.position]);
    assert.ok(!told.names().includes("realtime:broadcast"), "nobody else is told again");
    // Who joins with a place hears all that it has missed, and then what comes.
    const [back, position] = [await server.connected(options), heard[598].meta.position];
    const toBack = listen(back);
    assert.equal((await join(back, channel, { config: { since: position } })).replayed.count, 1);
    await shout(1);
    const both = [await toBack.next("realtime:broadcast"), await toBack.next("realtime:broadcast")];
    assert.deepEqual(both.map(({ payload }) => payload.number), [599, 0]);
  });

  test("private channels are for those whom the application lets in, and it can put them out", async () => {
    // CHA-15
    const { server, client, options } = site;
    const other = await server.connected(options);
    const [told, channel, config] = [listen(client), topic(), { private: true }];
    const refused = await ask(client, "realtime:subscribe", { channel: "secret", config });
    assert.deepEqual([refused.status, refused.error.code], ["error", "FORBIDDEN"]);
    const joined = await join(client, channel, { config });
    assert.equal(joined.private, true);
    // The public channel of this name is another one.
    await join(other, channel);
    await say(other, channel, "in public");
    await call(other, "chat/messages", "shout", { data: { channel, private: true, kept: false, count: 1, size: 1 } });
    assert.equal((await told.next("realtime:broadcast")).event, "shout");
    // Each action is asked for.
    await join(client, "news:1", { config });
    assert.equal((await say(client, "news:1", 1)).error.code, "FORBIDDEN");
    const out = await call(other, "chat/messages", "putOut", { data: { connection: joined.id, channel } });
    assert.equal(out.data, true);
    const closed = await told.next("realtime:error");
    assert.deepEqual([closed.type, closed.channel, closed.error.code], ["closed", channel, "FORBIDDEN"]);
    assert.equal((await say(client, channel, 1)).error.code, "NOT_FOUND");
  });
});
