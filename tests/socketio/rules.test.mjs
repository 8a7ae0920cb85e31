// Rules: facts, and events of patterns.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Server, ask, call, event, until } from "./server.mjs";

const data = async (client, name, argument) => {
  const answer = await ask(client, name, argument);
  assert.equal(answer.error, undefined, `${name}: ${JSON.stringify(answer.error)}`);
  return answer.data;
};

for (const packed of [false, true]) {
  describe(packed ? "rules as MessagePack" : "rules as text", () => {
    let server, client, other;
    const options = { transports: ["websocket"], packed };
    before(async () => {
      server = await Server.shared({ RULES: "1" });
      [client, other] = [await server.connected(options), await server.connected(options)];
    });
    after(() => server.stop());

    test("who subscribes to a pattern hears of its events, and of no others", async () => {
      // RUL-02, RUL-03, RUL-04
      const { id } = await data(client, "rules.subscribe", { pattern: "orders.*" });
      const told = event(client, "rules.event");
      await data(other, "rules.emit", { topic: "users.new" });
      const emitted = await data(other, "rules.emit", { topic: "orders.paid", data: { cents: 5 }, correlationId: "c1" });
      assert.deepEqual(await told, { id, topic: "orders.paid", event: emitted });
      assert.deepEqual([emitted.data, emitted.correlationId], [{ cents: 5 }, "c1"]);
      assert.equal(await data(client, "rules.unsubscribe", { id }), true);
      assert.equal(await data(client, "rules.unsubscribe", { id }), false);
      let late = 0;
      client.on("rules.event", () => (late += 1));
      await data(client, "rules.emit", { topic: "orders.paid" });
      assert.equal((await data(client, "rules.stats", {})).subscriptions, 0);
      assert.equal(late, 0);
      client.off("rules.event");
    });

    test("facts are set, read and forgotten", async () => {
      // RUL-02
      assert.equal((await data(client, "rules.setFact", { key: "customer:1:age", value: 36 })).version, 1);
      assert.equal((await data(other, "rules.getFact", { key: "customer:1:age" })).value, 36);
      assert.equal((await data(other, "rules.queryFacts", { pattern: "customer:*:age" })).length, 1);
      assert.deepEqual(await data(other, "rules.deleteFact", { key: "customer:1:age" }), { deleted: true });
      assert.deepEqual(await data(client, "rules.getAllFacts", {}), []);
      assert.equal(await data(client, "rules.getFact", { key: "customer:1:age" }), null);
    });

    test("what can't be asked is refused", async () => {
      const cases = [
        ["rules.emit", {}, "INVALID_REQUEST"],
        ["rules.emit", { topic: "a.*" }, "INVALID_REQUEST"],
        ["rules.emit", [], "INVALID_REQUEST"],
        ["rules.subscribe", {}, "INVALID_REQUEST"],
        ["rules.subscribe", { pattern: "" }, "INVALID_REQUEST"],
        ["rules.subscribe", { pattern: "a", more: 1 }, "INVALID_REQUEST"],
        ["rules.unsubscribe", { id: 1 }, "INVALID_REQUEST"],
        ["rules.emitt", {}, "EVENT_NOT_FOUND"],
        ["rules.", {}, "EVENT_NOT_FOUND"],
      ];
      for (const [name, argument, code] of cases) {
        assert.equal((await ask(client, name, argument)).error?.code, code, `${name} ${JSON.stringify(argument)}`);
      }
      assert.match((await ask(client, "rules.emitt", {})).error.message, /did you mean `rules.emit`/);
    });

    test("there are no more subscriptions than there may be, and they end with their connection", async () => {
      const many = await server.connected(options);
      for (let count = 0; count < 20; count += 1) await data(many, "rules.subscribe", { pattern: "**" });
      assert.equal((await ask(many, "rules.subscribe", { pattern: "**" })).error.code, "RATE_LIMITED");
      assert.equal((await data(client, "rules.stats", {})).subscriptions, 20);
      many.close();
      await until(async () => (await data(client, "rules.stats", {})).subscriptions === 0);
    });

    test("who does not read is told how many it has missed", async () => {
      const slow = await server.connected(options);
      const count = { heard: 0, missed: 0 };
      slow.on("rules.event", () => (count.heard += 1));
      slow.on("missed", ({ id, count: more }) => id === room.id && (count.missed += more));
      const room = await data(slow, "rules.subscribe", { pattern: "flood" });
      const stream = slow.io.engine.transport.ws._socket;
      stream.pause();
      const padding = "x".repeat(20_000);
      for (let number = 0; number < 1_000; number += 1) {
        await data(other, "rules.emit", { topic: "flood", data: { number, padding } });
      }
      stream.resume();
      await until(() => count.heard + count.missed >= 1_000, () => JSON.stringify(count));
      assert.deepEqual([count.heard + count.missed, count.missed > 0], [1_000, true]);
    });
  });
}

test("an application without rules says so, whatever is asked of them", async () => {
  const server = await Server.start();
  const client = await server.connected({ transports: ["websocket"] });
  for (const name of ["rules.emit", "rules.subscribe", "rules.unsubscribe", "rules.nothing"]) {
    assert.equal((await ask(client, name, {})).error.code, "RULES_NOT_AVAILABLE");
  }
  assert.equal((await call(client, "system/users", "count")).data, 0);
});
