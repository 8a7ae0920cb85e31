// Opens the API reference in Chromium as a person would: reads it, searches, fills the form, sends it, and sees the answer.
import { chromium } from "playwright-core";

const [url] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const faults = [];
let passed = 0;
const check = (what, holds) => (holds ? (passed += 1) : faults.push(what));
try {
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`script: ${error}`));
  page.on("request", (request) => !request.url().startsWith(url) && !request.url().startsWith("data:") && faults.push(`asks ${request.url()}`));
  const answer = await page.goto(`${url}/@docs`);
  check("the page can't be framed", answer.headers()["x-frame-options"] === "DENY" || (answer.headers()["content-security-policy"] ?? "").includes("frame-ancestors 'none'"));
  await page.waitForSelector("#system_users_insert");
  check("all operations are listed", (await page.locator("details.card").count()) >= 13);

  await page.fill("#search", "paginate");
  check("the search narrows the list", await page.locator("#models").getByText("paginate").first().isVisible());
  await page.fill("#search", "");

  const card = page.locator("#system_users_insert");
  await card.locator("summary").first().click();
  const body = card.locator("textarea").first();
  await body.fill('{"email": "mallory@example.org", "name": "<script>alert(1)</script>"}');
  await card.getByRole("button", { name: /send|try/i }).first().click();
  await card.getByText("201").first().waitFor();
  check("a script in a value stays text", (await card.innerText()).includes("<script>alert(1)</script>"));
  check("nothing was injected", (await page.locator("script").count()) === 1);

  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(`the page fits a phone (${wide} pixels too wide)`, wide <= 0);
} finally {
  await browser.close();
}
for (const fault of faults) console.error(fault);
console.log(`${passed} passed, ${faults.length} failed`);
process.exitCode = faults.length === 0 ? 0 : 1;
