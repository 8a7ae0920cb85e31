// The page: rooms, the messages of one of them, who is there, and who is typing.

import { Connection } from "./connection.js";

const PAGE = 50;
// Typing is said every two seconds while it goes on, and believed for four.
const TYPING_SAID = 2_000;
const TYPING_BELIEVED = 4_000;

const at = (id) => document.getElementById(id);
const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
// What others say of themselves may be anything.
const nameOf = (state) => (typeof state?.name === "string" && state.name.trim().slice(0, 40)) || "Somebody";
const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const kept = (key, otherwise) => JSON.parse(localStorage.getItem(key)) ?? otherwise;
const keep = (key, value) => localStorage.setItem(key, JSON.stringify(value));

// All tabs of a person are under one key.
const me = kept("me", { key: newId(), name: "" });
// Rooms may be called anything.
const seen = Object.assign(Object.create(null), kept("seen", {}));
const rooms = new Map();
let room;

const connection = new Connection(Object.assign(new URL("/@ws", location.href), { protocol: location.protocol.replace("http", "ws") }));

// ---- Messages

class Room {
  messages = new Map();
  people = new Map();
  typing = new Map();

  constructor(name) {
    this.name = name;
    this.channel = `room:${name}`;
    const query = { bucket: "chat/messages", filter: { room: name }, sort: "-number", count: PAGE };
    at("log").setAttribute("aria-busy", "true");
    at("messages").replaceChildren();
    at("empty").hidden = at("older").hidden = true;
    this.unwatch = connection.live(query, (told) => this.take(told));
    this.enter();
  }

  // Whoever is in already has another name from then on.
  enter() {
    this.leave = connection.join(this.channel, me.key, { name: me.name }, (event) => this.hear(event));
  }

  end() {
    this.unwatch();
    this.leave();
    this.typing.forEach(({ timer }) => clearTimeout(timer));
  }

  take({ documents, changes = [] }) {
    const log = at("log");
    const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    // Messages stay: one that leaves is only not among the newest any more.
    const came = changes.filter(({ type }) => type !== "leave").map(({ document }) => document);
    // As many as we are told of may be more.
    if (documents || came.length >= PAGE) this.restart(documents ?? came.sort((one, other) => other.number - one.number));
    else came.forEach((message) => this.show(message));
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
    this.shown();
    log.setAttribute("aria-busy", "false");
  }

  // More may have been missed than the newest: then what is known has a gap behind it, and goes.
  restart(documents) {
    const last = Math.max(0, ...this.messages.keys());
    const isWhole = documents.some(({ number }) => number <= last + 1);
    if (!isWhole) {
      this.messages.forEach((item) => item.remove());
      this.messages.clear();
    }
    documents.toReversed().forEach((message) => this.show(message));
  }

  show(message) {
    if (this.messages.has(message.number)) return;
    const item = itemOf(message);
    item.dataset.number = message.number;
    // Nearly always it is the last one.
    const before = Array.from(at("messages").children).findLast((other) => Number(other.dataset.number) < message.number);
    const after = before ? before.nextElementSibling : at("messages").firstElementChild;
    at("messages").insertBefore(item, after);
    join(before, item);
    join(item, after);
    this.messages.set(message.number, item);
    for (const [key, { name }] of this.typing) if (name === message.author) this.stopped(key);
  }

  shown() {
    const numbers = [...this.messages.keys()];
    at("older").hidden = numbers.length === 0 || Math.min(...numbers) === 1;
    at("empty").hidden = numbers.length > 0;
    this.read();
  }

  // What is on the screen has been read.
  read() {
    if (document.hidden) return;
    seen[this.name] = Math.max(seen[this.name] ?? 0, ...this.messages.keys());
    keep("seen", seen);
    listRooms();
  }

  async older() {
    const number = { $lt: Math.min(...this.messages.keys()) };
    const query = { bucket: "chat/messages", filter: { room: this.name, number }, sort: "-number", count: PAGE };
    const messages = await connection.request("store.where", query);
    if (room !== this) return;
    // What one reads stays where it is.
    const log = at("log");
    const below = log.scrollHeight - log.scrollTop;
    messages.forEach((message) => this.show(message));
    this.shown();
    log.scrollTop = log.scrollHeight - below;
  }

  // ---- Who is there, and who is typing

  hear({ type, event, payload, state, joins, updates, leaves }) {
    if (type === "broadcast" && event === "typing") this.types(payload);
    if (type !== "presence") return;
    if (state) this.people.clear();
    for (const [key, entries] of Object.entries(state ?? joins ?? updates ?? {})) {
      const tabs = this.people.get(key) ?? new Map();
      entries.forEach((entry) => tabs.set(entry.ref, entry.state));
      this.people.set(key, tabs);
    }
    for (const [key, entries] of Object.entries(leaves ?? {})) {
      const tabs = this.people.get(key);
      entries.forEach((entry) => tabs?.delete(entry.ref));
      if (tabs?.size === 0) this.people.delete(key);
    }
    listPeople(this.people);
  }

  types(payload) {
    const key = String(payload?.key);
    if (key === me.key) return;
    clearTimeout(this.typing.get(key)?.timer);
    this.typing.set(key, { name: nameOf(payload), timer: setTimeout(() => this.stopped(key), TYPING_BELIEVED) });
    listTyping(this.typing);
  }

  stopped(key) {
    clearTimeout(this.typing.get(key)?.timer);
    this.typing.delete(key);
    listTyping(this.typing);
  }
}

function itemOf({ author, text, _createdAt }) {
  const when = new Date(_createdAt);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const item = element("li", { className: author === me.name ? "mine" : "" },
    avatar(author),
    element("p", { className: "by" }, element("b", {}, author), " ", element("time", { dateTime: when.toISOString(), title: when.toLocaleString() }, time)),
    element("p", { className: "text" }, text));
  Object.assign(item.dataset, { author, at: _createdAt });
  return item;
}

// Messages of one author that follow each other closely have one head.
function join(before, after) {
  const same = before && after && before.dataset.author === after.dataset.author;
  after?.classList.toggle("more", Boolean(same) && after.dataset.at - before.dataset.at < 300_000);
}

function avatar(name) {
  const hue = Array.from(name).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const made = element("span", { className: "avatar" }, Array.from(name)[0].toUpperCase());
  made.setAttribute("aria-hidden", "true");
  made.style.setProperty("--hue", hue);
  return made;
}

function listPeople(people) {
  const names = [...people].map(([key, tabs]) => ({ isMe: key === me.key, name: nameOf([...tabs.values()].at(-1)) }));
  names.sort((one, other) => other.isMe - one.isMe || one.name.localeCompare(other.name));
  at("people-title").textContent = `Here (${names.length})`;
  at("people").replaceChildren(...names.map(({ name, isMe }) => element("li", {}, avatar(name), element("span", {}, isMe ? `${name} (you)` : name))));
}

function listTyping(typing) {
  const names = [...new Set([...typing.values()].map(({ name }) => name))];
  at("typing").textContent = names.length === 0 ? "" : `${names.slice(0, 3).join(", ")} ${names.length === 1 ? "is" : "are"} typing …`;
}

// ---- Rooms

function listRooms() {
  const items = [...rooms.values()].sort((one, other) => one.name.localeCompare(other.name)).map(({ name, last }) => {
    const link = element("a", { href: `#${encodeURIComponent(name)}` }, `# ${name}`);
    const unread = last - (seen[name] ?? 0);
    if (name === room?.name) link.setAttribute("aria-current", "page");
    else if (unread > 0) link.append(" ", element("span", { className: "unread" }, unread > 99 ? "99+" : `${unread}`, element("span", { className: "hidden" }, " new")));
    return element("li", {}, link);
  });
  // Who goes through them by keys stays where they are.
  const focused = document.activeElement?.closest("#rooms a")?.getAttribute("href");
  at("rooms").replaceChildren(...items);
  if (focused) at("rooms").querySelector(`a[href="${focused}"]`)?.focus();
}

function go() {
  const names = [...rooms.keys()];
  const wanted = names.find((name) => `#${encodeURIComponent(name)}` === location.hash);
  const name = wanted ?? (rooms.has("general") ? "general" : names[0]);
  if (!me.name || !name || name === room?.name) return;
  room?.end();
  listTyping(new Map());
  listPeople(new Map());
  room = new Room(name);
  at("title").textContent = `# ${name}`;
  document.title = `${name} – Chat`;
  listRooms();
}

connection.live({ bucket: "chat/rooms" }, ({ documents, changes = [] }) => {
  if (documents) rooms.clear();
  documents?.forEach((one) => rooms.set(one._id, one));
  for (const { type, _id, document } of changes) type === "leave" ? rooms.delete(_id) : rooms.set(_id, document);
  listRooms();
  go();
});
addEventListener("hashchange", go);
document.addEventListener("visibilitychange", () => room?.read());

at("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = at("new-room").value;
  try {
    const made = await connection.request("store.insert", { bucket: "chat/rooms", data: { name } });
    rooms.set(made._id, made);
    location.hash = encodeURIComponent(made._id);
    at("new-room").value = "";
  } catch (failure) {
    say(failure.code === "ALREADY_EXISTS" ? "There is a room of this name already." : failure.message);
  }
});

// ---- Saying something

// What waits to be sent, oldest first. Each has an id of its own, so that it is written once however often it is sent.
const unsent = [];
let isSending = false;
let lastTyped = 0;

async function send() {
  if (isSending) return;
  isSending = true;
  while (unsent.length > 0 && connection.isOpen) {
    const { data, mutationId, item } = unsent[0];
    try {
      await connection.request("store.insert", { bucket: "chat/messages", data, mutationId });
    } catch ({ code, message, details }) {
      if (code === "OFFLINE") break;
      if (code === "RATE_LIMITED" || code === "BACKPRESSURE") {
        await new Promise((done) => setTimeout(done, details?.retryAfterMs ?? 1_000));
        continue;
      }
      at("text").value ||= data.text;
      say(message);
    }
    item.remove();
    unsent.shift();
  }
  isSending = false;
}

at("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (!text || !room) return;
  const item = itemOf({ author: me.name, text, _createdAt: Date.now() });
  unsent.push({ data: { room: room.name, author: me.name, text }, mutationId: newId(), item });
  at("unsent").append(item);
  at("log").scrollTop = at("log").scrollHeight;
  at("text").value = "";
  lastTyped = 0;
  if (connection.isOpen) say("");
  send();
});

at("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("say").requestSubmit();
});

at("text").addEventListener("input", () => {
  if (!room || !at("text").value.trim() || Date.now() - lastTyped < TYPING_SAID) return;
  lastTyped = Date.now();
  const payload = { key: me.key, name: me.name };
  connection.request("channel.publish", { channel: room.channel, event: "typing", payload }).catch(() => {});
});

at("older").addEventListener("click", () => room?.older().catch(({ message }) => say(message)));

// ---- Who one is, and whether there is a connection

function say(text) {
  at("status").textContent = text;
}

function ask() {
  at("name").value = me.name;
  at("hello").showModal();
}

at("hello").addEventListener("close", () => {
  const name = at("name").value.trim();
  if (!name && !me.name) return ask();
  me.name = name || me.name;
  keep("me", me);
  room?.enter();
  go();
  at("text").focus();
});
at("rename").addEventListener("click", ask);

connection.addEventListener("open", () => {
  say("");
  send();
});
connection.addEventListener("close", () => say("The connection is lost. Trying again …"));
connection.addEventListener("failure", ({ detail }) => say(detail.message));

keep("me", me);
if (!me.name) ask();
