// What the walks through the web console have in common. Each is a program of its own beside this file, at a fresh node of its own:
//
//   node test/console/people.mjs --url https://127.0.0.1:8443 --setup TOKEN [--language en] [--screenshots DIR] [--seconds N]
//
// A walk begins by the link for the first administrator. It fails at the first step that does not go as it should, at any serious
// finding of axe-core, at an error on the console of the browser, and at a request to another host. Prints one line per step.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, openPage } from "../browser.mjs";

export const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    setup: { type: "string" },
    language: { type: "string", default: "en" },
    screenshots: { type: "string" },
    seconds: { type: "string", default: "15" },
  },
});
export const timeout = Number(options.seconds) * 1000;
export const PASSWORD = "correct horse battery";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function step(name, work) {
  const began = Date.now();
  try {
    await work();
    console.log(`ok: ${name} (${Date.now() - began} ms)`);
  } catch (cause) {
    throw new Error(`${name}: ${cause.message}`, { cause });
  }
}

export function demand(truth, why) {
  if (!truth) throw new Error(why);
}

export async function picture(page, name) {
  if (!options.screenshots) return;
  mkdirSync(options.screenshots, { recursive: true });
  await page.screenshot({ path: join(options.screenshots, `${name}.png`) });
}

/** What keeps people who do not see well, or have no mouse, from using the page; `rules`: these alone. */
async function accessibleBy(page, rules) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const run = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await page.evaluate((how) => globalThis.axe.run(how), run);
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const said = grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  demand(said.length === 0, `${page.url()}: ${said.join("; ")}`);
}

export const accessible = (page) => accessibleBy(page);

/** The page again in the dark, which changes its colours and nothing else. */
export const accessibleInTheDark = (page) => accessibleBy(page, ["color-contrast", "link-in-text-block"]);

export async function fits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  demand(wide <= 0, `${page.url()} is ${wide} pixels too wide`);
}

export const go = (page, path) => page.goto(options.url + path);
export const named = (page, name) => page.locator(`#content [name="${name}"]:not([type="hidden"])`);

/** Fills the form of the page and sends it. */
export async function send(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = named(page, name);
    if (typeof value === "boolean") await field.setChecked(value, { timeout });
    else if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value, { timeout });
    else await field.fill(value, { timeout });
  }
  await page.locator("#content form.form button").first().click({ timeout });
}

const looked = new Set();

/** A form that was refused at this field. One refused a second time looks no different to axe. */
export async function refused(page, field) {
  await page.locator(`[id="${field}-error"]`).waitFor({ timeout });
  const { pathname } = new URL(page.url());
  if (!looked.has(pathname)) await accessible(page);
  looked.add(pathname);
}

export const said = (page) => page.locator("p.notice[role=status]").waitFor({ timeout });
export const press = (page, name) => page.getByRole("button", { name, exact: true }).click({ timeout });
export const follow = (page, name) => page.locator("#content").getByRole("link", { name, exact: true }).click({ timeout });

/** Imports a file of so many users, with `more` lines; it ends well, or with a `warning`. */
export async function sendPeople(page, count, more = [], sign = "good") {
  await go(page, "/console/users:import");
  const csv = ["userid,password,display name,mail"];
  for (let number = 0; number < count; number += 1) csv.push(`user${number},${PASSWORD},Person ${number},user${number}@example.com`);
  const file = { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from([...csv, ...more].join("\n")) };
  await named(page, "file").setInputFiles(file);
  await page.locator("#content form.form button").click();
  await page.locator(`.title .pill.${sign}`).waitFor({ timeout: timeout * 4 });
}

export async function makeUser(page, name) {
  await go(page, "/console/users:new");
  await send(page, { name });
  await said(page);
}

/** A directory whose server is not there, which becomes an alarm. */
export async function addLostDirectory(page) {
  await go(page, "/console/directories:ldap");
  const tree = { name: "Company", servers: "127.0.0.1:1", base: "dc=example,dc=com", bind_dn: "cn=reader", security: "none" };
  await send(page, { ...tree, secret: "secret" });
  await said(page);
  await press(page, "Perform full sync now");
}

/** The node's own authority as one that it trusts, from a file. */
export async function addTrusted(page, name = "Company") {
  await go(page, "/console/certificates");
  const [download] = await Promise.all([page.waitForEvent("download", { timeout }), follow(page, "Download (DER)")]);
  const authority = readFileSync(await download.path());
  await go(page, "/console/trust:new");
  await named(page, "name").fill(name);
  await named(page, "file").setInputFiles({ name: "ca.cer", mimeType: "application/pkix-cert", buffer: authority });
  await send(page, {});
  await said(page);
}

/** Pages with nothing on them hide what may be wrong with them. */
export async function populate(page) {
  await sendPeople(page, 60);
  await go(page, "/console/gateways:caldav");
  const calendars = { name: "Calendars", url: "http://127.0.0.1:1/{user}/", username: "service", secret: "secret", allow_clear_text: true };
  await send(page, calendars);
  await said(page);
  await addLostDirectory(page);
  await go(page, "/console/directories/Company");
  await press(page, "Dry run");
  await page.locator("p.notice.bad").waitFor({ timeout });
  await go(page, "/console/users:im");
  await send(page, { im: "false", way: "users", users: "user2" });
  await page.locator(".title .pill.good").waitFor({ timeout });
  await go(page, "/console/traces");
  await send(page, { user: "user1", minutes: "5" });
  await said(page);
  await go(page, "/console/administrators:new");
  await send(page, { name: "operator", role: "operator", password: PASSWORD });
  await said(page);
  await go(page, "/console/alarm-targets:new/syslog");
  await send(page, { name: "siem", host: "127.0.0.1", port: "1", transport: "tcp", severity: "error" });
  await said(page);
  await addTrusted(page);
}

export const language = options.language;
export const pageName = (path) => (path === "/console/" ? "dashboard" : path.replace("/console/", "").replaceAll(/[/:.]/g, "-"));

export async function speak(page) {
  await go(page, `/console/language?to=${language}&back=/console/`);
  demand((await page.locator("html").getAttribute("lang")) === language, "the language is chosen");
}

/** What holds for every page. */
export async function good(page, path) {
  demand(!/\b(nav|frame|help)-[a-z]/.test(await page.innerText("body")), `${path} lacks a text`);
  demand((await page.locator("details.help").count()) === 1, `${path} has no help`);
  await fits(page);
  await accessible(page);
}

export async function narrow(page) {
  await page.setViewportSize({ width: 390, height: 800 });
  await fits(page);
}

export const wide = (page) => page.setViewportSize({ width: 1280, height: 800 });

async function signUp(page) {
  await send(page, { name: "admin", password: PASSWORD });
  await page.waitForURL("**/console/", { timeout });
}

/** Begins as the first administrator (`begin`: by more than the form), takes the steps, looks at what the browser complained of. */
export async function walk(steps, begin = signUp) {
  const browser = await launch();
  try {
    const { page, seen } = await openPage(browser, `${options.url}/setup/${options.setup}`, "en-US");
    // A refused form is an answer 4xx, of which Chromium tells too.
    const complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
    });
    await step("the first administrator by the link", () => begin(page));
    for (const [name, work] of steps) await step(name, () => work(page));
    await step("no foreign request, no complaint", async () => {
      const all = [...seen.foreign, ...seen.violations, ...seen.errors, ...complaints];
      demand(all.length === 0, all.join("; "));
    });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
