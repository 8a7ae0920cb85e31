// Frames and requests that no client would send.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { PATIENCE, Server, call, event, pause, until } from "./server.mjs";

describe("what no client sends", () => {
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
    await until(() => heard.some((text) => text.startsWith("40")), () => "the connection is confirmed");
    const answered = ['["call",{"a":1,"a":2}]', '["call",{"a":1e999}]', `["call",${"[".repeat(1_000)}${"]".repeat(1_000)}]`];
    answered.forEach((text, number) => socket.send(`42${number}${text}`));
    // What is no JSON at all ends the connection, as with the reference server.
    for (let number = 0; number < answered.length; number += 1) {
      const answer = `43${number}[{"error":{"code":"PARSE_ERROR"`;
      await until(() => heard.some((text) => text.startsWith(answer)), () => `${answered[number].slice(0, 40)} is answered: ${heard}`);
    }
    // Bytes that are put in one place after the other would take as much memory as there is. (OPS-04)
    const again = "43900[{\"error\":{\"code\":\"INVALID_REQUEST\",\"message\":\"a place for bytes";
    socket.send(`451-900["call",{"data":[${Array(1_000).fill(place)}]}]`);
    socket.send(Buffer.alloc(1_000));
    await until(() => heard.some((text) => text.startsWith(again)), () => `bytes are put in once: ${heard}`);
    socket.terminate();
    const client = await server.connected({ transports: ["websocket"] });
    assert.equal((await call(client, "system/users", "count")).data, 0);
    assert.doesNotMatch(server.errors, /panicked/);
  });

  test("no request breaks the server, and each gets an answer", async () => {
    const server = await Server.start();
    const at = (query, options = {}) => fetch(`${server.url}/socket.io/${query}`, { signal: AbortSignal.timeout(PATIENCE), ...options });
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
  });
});
