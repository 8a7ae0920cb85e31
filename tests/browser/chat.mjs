// The chat as people use it: they talk, come and go, lose their network, and their server is killed under them.
// `chat.mjs PROGRAM DIRECTORY [SCREENSHOTS]`
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [program, directory, pictures] = process.argv.slice(2);
const faults = [];
let passed = 0;
const check = (what, holds) => (holds ? (passed += 1) : faults.push(what));

// ---- The server, which can be killed, and a network to it, which can be cut

let server;
let port = 0;
async function start() {
  server = spawn(program, ["--database", join(directory, "chat.db"), "--port", `${port}`], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, MODELLER_LOG: "warn" } });
  let said = "";
  await new Promise((listening, failed) => {
    server.once("exit", () => failed(new Error("the server does not start")));
    server.stdout.on("data", (data) => {
      said += data;
      const found = /^listening on http:.*:(\d+)$/m.exec(said);
      if (found) listening((port = Number(found[1])));
    });
  });
}
async function kill() {
  server.kill("SIGKILL");
  await once(server, "exit");
}

const lines = new Set();
let isCut = false;
// How many connections were refused or cut: a browser says so of each, maybe when the network is there again.
let broken = 0;
const network = createServer((near) => {
  if (isCut) {
    broken += 1;
    return near.destroy();
  }
  const far = connect(port, "127.0.0.1");
  const line = { near, far };
  const end = () => (lines.delete(line), near.destroy(), far.destroy());
  for (const socket of [near, far]) socket.on("error", end).on("close", end);
  near.pipe(far).pipe(near);
  lines.add(line);
});
function cut() {
  isCut = true;
  broken += lines.size;
  for (const { near, far } of lines) near.destroy(), far.destroy();
}
const mend = () => (isCut = false);

async function post(path, body) {
  const answer = await fetch(`http://127.0.0.1:${port}/chat/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}
const all = async () => (await fetch(`http://127.0.0.1:${port}/chat/messages/list?count=1000`)).json();
const write = (text, room = "general") => post("messages/insert", { room, author: "Eve", text });

// ---- People

await start();
network.listen(0, "127.0.0.1");
await once(network, "listening");
const url = `http://127.0.0.1:${network.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

function watch(page) {
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    // What the browser itself says of a server that is not there.
    if (broken > 0 && /^WebSocket connection to '.*' failed/.test(message.text())) return void (broken -= 1);
    faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.stack}`));
  page.on("dialog", (dialog) => (faults.push(`a script ran: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => !request.url().startsWith(url) && !request.url().startsWith("data:") && faults.push(`asks ${request.url()}`));
  return page;
}
async function person(name, colorScheme) {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1100, height: 720 } });
  const page = watch(await context.newPage());
  await page.goto(url);
  check("one is asked for one's name", await page.getByRole("dialog", { name: "What are you called?" }).isVisible());
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.locator("#log[aria-busy=false]").waitFor();
  return page;
}
async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}
const texts = (page) => page.locator("#messages .text").allInnerTexts();
const numbers = (page) => page.locator("#messages li").evaluateAll((items) => items.map((item) => Number(item.dataset.number)));
const isRange = (list, from, to) => list.length === to - from + 1 && list.every((number, at) => number === from + at);
const people = (page) => page.locator("#people li > :last-child").allInnerTexts();
const wait = (time) => new Promise((done) => setTimeout(done, time));
async function until(what, holds, time = 30_000) {
  const end = Date.now() + time;
  for (;;) {
    const isLast = Date.now() > end;
    if (await holds()) return check(what, true);
    if (isLast) return check(what, false);
    await wait(50);
  }
}
const hears = (page, text, time) => until(`"${text}" is heard`, async () => (await texts(page)).includes(text), time);
const once_ = async (page, text) => check(`"${text}" is there once: ${await texts(page)}`, (await texts(page)).filter((one) => one === text).length === 1);
// Who was there, each time that the list of people changed.
const record = (page) => page.evaluate(() => {
  window.seen = [];
  new MutationObserver(() => window.seen.push(document.getElementById("people").innerText)).observe(document.getElementById("people"), { childList: true });
});
const recorded = (page) => page.evaluate(() => window.seen.splice(0));
const picture = async (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`) });

try {
  const ada = await person("Ada", "light");
  const bob = await person("Bob <i>", "dark");
  await until("both are there", async () => (await people(ada)).join() === "Ada (you),Bob <i>" && (await people(bob)).join() === "Bob <i> (you),Ada");

  // They talk, and nobody can make a script run at somebody else's.
  await say(ada, "Hello!");
  await hears(bob, "Hello!");
  for (const text of ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "two\nlines"]) {
    await say(bob, text);
    await hears(ada, text);
  }
  check("nothing was injected", (await ada.locator("script").count()) === 1 && (await ada.locator("img, i").count()) === 0);
  await ada.press("#text", "Enter");
  await until("nothing waits to be sent", async () => (await ada.locator("#unsent li").count()) === 0);
  // One's own last message may be the last to come.
  await until("nothing is said where there is nothing to say", async () => isRange(await numbers(bob), 1, 4));

  // Typing shows, ends by itself, and ends with the message.
  const typing = (text) => until(`typing: "${text}"`, async () => (await bob.innerText("#typing")) === text);
  await ada.locator("#text").pressSequentially("I am");
  await typing("Ada is typing …");
  await picture(bob, "typing");
  check("one's own typing is not shown", (await ada.innerText("#typing")) === "");
  await typing("");
  await ada.locator("#text").pressSequentially(" writing");
  await typing("Ada is typing …");
  await ada.press("#text", "Enter");
  await hears(bob, "I am writing");
  check("who has said it is not typing", (await bob.innerText("#typing")) === "");

  // The history is there after a reload, and a second tab is the same person.
  await ada.reload();
  await hears(ada, "I am writing");
  check("all of it", isRange(await numbers(ada), 1, 5));
  await until("both are there again", async () => (await people(bob)).length === 2);
  await record(bob);
  const tab = watch(await ada.context().newPage());
  await tab.goto(url);
  await until("the tab knows its person", async () => (await people(tab)).join() === "Ada (you),Bob <i>");
  await tab.close();
  await wait(300);
  check("a second tab is nobody else, and its end is no leave", (await recorded(bob)).every((seen) => seen.includes("Ada") && seen.split("Ada").length === 2) && (await people(bob)).length === 2);

  // A network that lets nothing through for a while, and one that breaks: nobody leaves, nothing is lost.
  for (const { near, far } of lines) far.unpipe(near);
  await say(ada, "answer lost");
  await until("the server has it", async () => (await all()).some(({ text }) => text === "answer lost"));
  await wait(5_000);
  check("its answer is on the way", (await ada.locator("#unsent li").count()) === 1);
  const isOver = wait(3_000);
  cut();
  await until("one is told", async () => /lost/.test(await ada.getByRole("status").innerText()));
  await write("while you were cut");
  await say(ada, "said while cut");
  check("both wait", (await ada.locator("#unsent li").count()) === 2);
  await picture(ada, "cut");
  await isOver;
  mend();
  for (const page of [ada, bob]) {
    await hears(page, "while you were cut");
    await hears(page, "said while cut");
    for (const text of ["answer lost", "while you were cut", "said while cut"]) await once_(page, text);
    check("in order, without a gap", isRange(await numbers(page), 1, 8));
  }
  await wait(6_000);
  check("nobody has left meanwhile", (await recorded(bob)).every((seen) => seen.includes("Ada")));
  check("and all is well", (await ada.getByRole("status").innerText()) === "" && (await ada.locator("#unsent li").count()) === 0);

  // The server is killed, and comes back with what it had.
  cut();
  await kill();
  await say(bob, "is anybody there?");
  await wait(500);
  await start();
  await write("while the server was new");
  mend();
  for (const page of [ada, bob]) {
    await hears(page, "while the server was new");
    await hears(page, "is anybody there?");
    for (const text of ["while the server was new", "is anybody there?"]) await once_(page, text);
    check("in order, without a gap", isRange(await numbers(page), 1, 10));
    await until("both are there again", async () => (await people(page)).length === 2);
  }

  // More rooms, and what is new in them.
  await bob.fill("#new-room", "Rust & Web");
  await bob.press("#new-room", "Enter");
  await until("the room is made, and entered", async () => (await bob.innerText("#title")) === "# rust-web");
  await until("nobody else is there", async () => (await people(bob)).join() === "Bob <i> (you)");
  await until("who stays sees them go", async () => (await people(ada)).length === 1);
  await write("only here", "rust-web");
  await hears(bob, "only here");
  const link = ada.getByRole("link", { name: /rust-web/ });
  await until("the others see that there is something new", async () => (await link.textContent()) === "# rust-web 1 new");
  check("and not what", !(await texts(ada)).includes("only here"));
  await link.click();
  await hears(ada, "only here");
  await until("then it is not new", async () => (await link.textContent()) === "# rust-web");
  await ada.goBack();
  await hears(ada, "Hello!");

  // A long history comes in parts; more than a part that was missed leaves no hole.
  await post("rooms/insert", { name: "long" });
  const much = (from, to) => post("messages/batch", { operations: Array.from({ length: to - from + 1 }, (_, at) => ({ op: "insert", data: { room: "long", author: "Eve", text: `message ${from + at}` } })) });
  await much(1, 120);
  await ada.getByRole("link", { name: /long/ }).click();
  await hears(ada, "message 120");
  check("the newest", isRange(await numbers(ada), 71, 120));
  const older = ada.getByRole("button", { name: "Load older messages" });
  const place = () => ada.locator("[data-number='71']").evaluate((item) => item.getBoundingClientRect().top);
  await ada.locator("#log").evaluate((log) => (log.scrollTop = 0));
  const before = await place();
  await older.click();
  await until("older ones", async () => isRange(await numbers(ada), 21, 120));
  check("what one reads stays where it is", Math.abs((await place()) - before) < 40);
  await older.click();
  await until("the oldest ones, and no more", async () => isRange(await numbers(ada), 1, 120) && !(await older.isVisible()));
  await write("one more", "long");
  await until("new ones come behind them", async () => isRange(await numbers(ada), 1, 121));
  cut();
  await much(122, 200);
  mend();
  await until("no hole", async () => isRange(await numbers(ada), 151, 200) && (await older.isVisible()));
  await ada.goto(`${url}/#general`);
  await bob.goto(`${url}/#general`);
  await until("both are there again", async () => (await people(ada)).length === 2 && (await people(bob)).length === 2);

  // Who asks too much has to wait, and what one has said is not lost.
  await ada.evaluate(async () => {
    const socket = new WebSocket(`ws://${location.host}/@ws`);
    await new Promise((done) => (socket.onopen = done));
    for (let id = 0; id < 150; id += 1) socket.send(JSON.stringify({ id, type: "store.buckets" }));
    await new Promise((done) => (socket.onmessage = ({ data }) => JSON.parse(data).id === 149 && done()));
    socket.close();
  });
  await say(ada, "not too fast");
  await hears(bob, "not too fast", 30_000);
  await once_(bob, "not too fast");

  // Everything has a name, can be reached by keys, and can be read.
  for (const [role, name] of [["navigation", "Rooms"], ["main"], ["complementary", /Here \(2\)/], ["log", "# general"], ["textbox", "Message"], ["textbox", "Name of a new room"], ["button", "Send"], ["button", "Add the room"], ["button", "My name"], ["heading", "# general"]]) {
    check(`there is one ${role} ${name ?? ""}`, (await ada.getByRole(role, name ? { name, exact: true } : {}).count()) === 1);
  }
  check("it is said in which room one is", (await ada.locator("a[aria-current=page]").innerText()) === "# general");
  await ada.evaluate(() => document.activeElement.blur());
  const stops = [];
  for (let at = 0; at < 20; at += 1) {
    await ada.keyboard.press("Tab");
    const stop = await ada.evaluate(() => (document.activeElement === document.body ? "" : document.activeElement.id || document.activeElement.innerText || "?"));
    if (stops.includes(stop)) break;
    stops.push(stop);
  }
  for (const stop of ["new-room", "log", "text", "rename", "Send"]) check(`${stop} is reached by keys: ${stops}`, stops.includes(stop));
  for (const page of [ada, bob]) {
    const faint = await page.evaluate(contrasts);
    check(`all can be read: ${faint}`, faint.length === 0);
  }
  await picture(ada, "light");
  await picture(bob, "dark");
  await bob.setViewportSize({ width: 390, height: 844 });
  const wide = await bob.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(`the page fits a phone (${wide} pixels too wide)`, wide <= 0 && (await bob.getByRole("button", { name: "Send" }).boundingBox()).y < 844);
  await say(bob, "from my phone");
  await hears(ada, "from my phone");
  await picture(bob, "phone");

  // Another name, and the end.
  await record(ada);
  await bob.getByRole("button", { name: "My name" }).click();
  await bob.fill("#name", "Robert");
  await bob.keyboard.press("Enter");
  await until("others see the new name", async () => (await people(ada)).join() === "Ada (you),Robert");
  check("who has another name was never away", (await recorded(ada)).every((seen) => /Bob|Robert/.test(seen)));
  await ada.focus("#rooms [aria-current]");
  await write("to be seen");
  await hears(ada, "to be seen");
  check("who goes through the rooms stays where they are", await ada.evaluate(() => document.activeElement.matches("#rooms [aria-current]")));
  await bob.close();
  await until("who closes the page has left", async () => (await people(ada)).join() === "Ada (you)", 8_000);
} catch (error) {
  faults.push(error.stack);
} finally {
  await browser.close();
  network.close();
  await kill();
}

// Texts that differ too little from what is behind them, by the rules of WCAG (4.5 : 1).
function contrasts() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [red, green, blue] = rgb(colour).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgb(colour)[3] > 0) return colour;
    }
    return "white";
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!hasText || !element.checkVisibility()) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) faint.push(`${element.innerText} ${ratio.toFixed(1)}`);
  }
  return faint;
}

for (const fault of faults) console.error(fault);
console.log(`${passed} passed, ${faults.length} failed`);
process.exitCode = faults.length === 0 ? 0 : 1;
