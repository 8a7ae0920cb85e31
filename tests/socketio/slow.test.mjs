// Clients that do not read.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Server, ask, call, pause, until } from "./server.mjs";

// Messages of which more come than are carried out.
const crowds = {
  "bytes beside short texts": [3, { data: Buffer.alloc(900_000) }],
  "many short texts": [200, { data: "x".repeat(15_000) }],
};

describe("messages that wait", () => {
  for (const [what, [count, argument]] of Object.entries(crowds)) {
    test(`${what} take of the memory that all clients share`, async () => {
      // OPS-04
      const server = await Server.start({ MEMORY: "2000000" });
      const busy = await server.connected({ transports: ["websocket"] });
      const other = await server.connected({ transports: ["websocket"] });
      const large = () => call(other, "system/users", "much", { data: { size: 1 }, padding: "x".repeat(300_000) });
      assert.notEqual((await large()).error?.code, "OVERLOADED");
      for (let at = 0; at < 64; at += 1) busy.emit("call", { model: "system/users", operation: "fail", data: { how: "slow" } });
      for (let at = 0; at < count; at += 1) busy.emit("call", argument);
      await until(async () => (await large()).error?.code === "OVERLOADED", () => "there is no memory left");
      assert.equal((await call(other, "system/users", "count")).data, 0);
    });
  }
});

describe("a client that does not read", () => {
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
    await until(() => count.slow + count.missed >= 5_000, () => JSON.stringify(count));
    assert.equal(count.slow + count.missed, 5_000);
    assert.ok(count.missed > 3_000, "most of it was missed");
    assert.equal((await announce(10)).data, 100);
    await until(() => count.slow + count.missed >= 5_100, () => JSON.stringify(count));
  });

  test("answers wait for a client that does not read, and none is lost", async () => {
    const server = await Server.start();
    const client = await server.connected({ transports: ["websocket"] });
    const stream = client.io.engine.transport.ws._socket;
    stream.pause();
    const before = await server.memory();
    const answers = Promise.all(
      Array.from({ length: 200 }, () =>
        client.timeout(120_000).emitWithAck("call", { model: "system/users", operation: "much", data: { size: 500_000 } }),
      ),
    );
    await pause(1_500);
    const grown = (await server.memory()) - before;
    // 100 MB are asked for: what is carried out at once may wait, and no more than that.
    assert.ok(grown < 64_000_000, `the server has grown by ${grown} bytes`);
    stream.resume();
    assert.ok((await answers).every(({ data }) => data.length === 500_000));
  });
});
