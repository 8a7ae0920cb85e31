// What can be asked over HTTP, asked with the official client, over both transports and with both parsers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, Server, ask, call, until, forEachKind } from "./server.mjs";

forEachKind((site) => {
  test("all operations answer as over HTTP", async () => {
    const { client } = site;
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
    const { client } = site;
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
    const { client } = site;
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
    assert.equal((await client.timeout(PATIENCE).emitWithAck("call", {}, {})).error.code, "INVALID_REQUEST");
    assert.equal((await client.timeout(PATIENCE).emitWithAck("call")).error.code, "INVALID_REQUEST");
    const unknown = (await ask(client, "subcribe", {})).error;
    assert.match(unknown.message, /did you mean `subscribe`/);
    // What wants no acknowledgement harms nothing.
    client.emit("call", { nonsense: true });
    client.emit("nothing of the kind");
  });

  test("panics and slow handlers are answered, and harm nobody else", async () => {
    const { client } = site;
    const { error } = await call(client, "system/users", "fail", { data: { how: "the handler broke" } });
    assert.equal(error.code, "INTERNAL_ERROR");
    assert.ok(error.details.requestId);
    assert.doesNotMatch(JSON.stringify(error), /broke/);
    const internal = (await call(client, "system/users", "fail", { data: { how: "internal" } })).error;
    assert.doesNotMatch(JSON.stringify(internal), /disk/);
    const server = await Server.start({ TIMEOUT: "3000" });
    const impatient = await server.connected(site.options);
    let isAnswered = false;
    const slow = call(impatient, "system/users", "fail", { data: { how: "slow" } }).finally(() => (isAnswered = true));
    assert.equal((await call(impatient, "system/users", "count")).error, undefined);
    assert.ok(!isAnswered, "a quick call does not wait for a slow one");
    assert.equal((await slow).error.code, "OVERLOADED");
  });

  test("bytes arrive as base64", async () => {
    const { client } = site;
    const { data } = await call(client, "chat/messages", "insert", { data: { text: Buffer.from([1, 2, 3]) } });
    assert.equal(data.text, "AQID");
    const raw = await ask(client, "call", Buffer.from("raw"));
    assert.equal(raw.error.code, "INVALID_REQUEST");
  });

  test("large answers and many at once all arrive", async () => {
    const { client } = site;
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
    const { server, client } = site;
    // OPS-08
    const metric = async (name) => {
      const text = await (await fetch(`${server.url}/@metrics`)).text();
      return Number(text.split("\n").find((line) => line.startsWith(`${name} `)).split(" ")[1]);
    };
    await call(client, "system/users", "count");
    await until(async () => (await metric("modeller_buffered_bytes")) === 0);
    assert.ok((await metric('modeller_requests_total{door="socketio"}')) > 500);
    assert.ok((await metric('modeller_connections{door="socketio"}')) >= 1);
  });
});
