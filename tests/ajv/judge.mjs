// Reads lines of {"schema", "payload"} or {"payload"} (the schema of the line before), answers lines of {"valid", "errors"}.
import { createInterface } from "node:readline";
import Ajv2020 from "ajv/dist/2020.js";
import addErrors from "ajv-errors";
import addFormats from "ajv-formats";

const judge = (schema) => {
  // Keywords of our own (`unique`, `private`, ..) are not AJV's business.
  const ajv = new Ajv2020.default({ allErrors: true, strict: false, logger: false });
  // Its number formats (`int32`, ..) repeat the bounds that the schemas have anyway.
  addFormats.default(ajv, ["email", "uri", "uuid", "date-time", "date", "ipv4", "ipv6"]);
  if (JSON.stringify(schema).includes('"errorMessage"')) addErrors.default(ajv);
  return ajv.compile(schema);
};

let validate;
for await (const line of createInterface({ input: process.stdin })) {
  const { schema, payload } = JSON.parse(line);
  if (schema !== undefined) validate = judge(schema);
  const valid = validate(payload);
  process.stdout.write(JSON.stringify({ valid, errors: validate.errors ?? [] }) + "\n");
}
