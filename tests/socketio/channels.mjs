// Channels as tests see them: what a client asks, and what it is told.
import assert from "node:assert/strict";
import { ask, until } from "./server.mjs";

// All that a client is told of channels, in its order.
export function listen(client) {
  const told = [];
  const names = ["realtime:broadcast", "realtime:postgres_changes", "realtime:missed", "realtime:error"];
  names.push("presence_state", "presence_join", "presence_update", "presence_leave");
  for (const name of names) client.on(name, (message) => told.push({ name, message }));
  // Takes out the first of this name, as soon as it has come.
  told.next = async (name) => {
    let found;
    const take = () => {
      const at = told.findIndex((one) => one.name === name);
      if (at >= 0) [found] = told.splice(at, 1);
      return found;
    };
    await until(take, () => `${name} among ${JSON.stringify(told)}`);
    return found.message;
  };
  told.names = () => told.map(({ name }) => name);
  return told;
}

export const join = async (client, channel, more = {}) => {
  const joined = await ask(client, "realtime:subscribe", { channel, ...more });
  assert.equal(joined.status, "ok", JSON.stringify(joined));
  return joined;
};

export const say = (client, channel, payload, event = "said") => ask(client, "realtime:publish", { channel, event, payload });

let number = 0;
export const topic = () => `room:${(number += 1)}`;
