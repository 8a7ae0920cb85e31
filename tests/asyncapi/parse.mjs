// Parses an AsyncAPI document with the official parser, and fails for whatever it finds: node parse.mjs FILE
import { Parser } from "@asyncapi/parser";
import { readFile } from "node:fs/promises";

// That there are newer versions of AsyncAPI is no fault of the document.
const passed = ["asyncapi-latest-version"];

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const found = diagnostics.filter(({ code, severity }) => severity < 2 || !passed.includes(String(code)));
for (const { code, message, path } of found) console.error(`${path.join("/")}: ${message} (${code})`);
if (!document || found.length > 0) process.exit(1);

const operations = document.operations().all();
const [received, sent] = [operations.filter((one) => one.isReceive()), operations.filter((one) => one.isSend())];
// It reads what is meant, not only what is written: each request has its answers, and each message a schema.
for (const operation of received) {
  const answers = operation.reply()?.messages().all() ?? [];
  if (operation.id() !== "websocket.pong" && answers.length === 0) throw new Error(`${operation.id()} has no answer`);
}
for (const message of document.allMessages().all()) {
  if (message.payload() === undefined) throw new Error(`${message.id()} has no payload`);
}
if (received.length < 40 || sent.length < 15) throw new Error(`only ${received.length} and ${sent.length} operations`);
console.log(`AsyncAPI ${document.version()}: ${received.length} operations received, ${sent.length} sent`);
