// Every page in one language (`--language`): those of the navigation also dark and as narrow as a telephone, then each kind of page
// that a link leads to; signed out and in again.
import {
  accessible,
  accessibleInTheDark,
  addLostDirectory,
  addTrusted,
  demand,
  fits,
  go,
  options,
  PASSWORD,
  picture,
  press,
  said,
  send,
  sendPeople,
  timeout,
  walk,
} from "./walk.mjs";

/** Pages with nothing on them hide what may be wrong with them. */
async function populate(page) {
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

const language = options.language;
const pageName = (path) => (path === "/console/" ? "dashboard" : path.replace("/console/", "").replaceAll(/[/:.]/g, "-"));

/** What holds for every page. */
async function good(page, path) {
  demand(!/\b(nav|frame|help)-[a-z]/.test(await page.innerText("body")), `${path} lacks a text`);
  demand((await page.locator("details.help").count()) === 1, `${path} has no help`);
  await fits(page);
  await accessible(page);
}

async function narrow(page) {
  await page.setViewportSize({ width: 390, height: 800 });
  await fits(page);
}

const wide = (page) => page.setViewportSize({ width: 1280, height: 800 });

async function navigation(page) {
  await go(page, `/console/language?to=${language}&back=/console/`);
  demand((await page.locator("html").getAttribute("lang")) === language, "the language is chosen");
  const pages = await page.locator("nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  demand(pages.length >= 10, `only ${pages.length} pages`);
  for (const path of pages) {
    await wide(page);
    await go(page, path);
    demand((await page.locator("nav a[aria-current=page]").count()) === 1, `${path} is marked in the navigation`);
    await good(page, path);
    await picture(page, `${pageName(path)}-${language}`);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessibleInTheDark(page);
    await narrow(page);
    if (path === "/console/users") await picture(page, `${pageName(path)}-${language}-dark-narrow`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  await wide(page);
}

/** Those of which there is one page for each thing. */
const MANY = /^(\/console\/(?:users|directories|gateways|jobs|services|alarms|alarm-targets|administrators|trust|certificates|api))\/[^/]+/;
const shape = (path) => path.replace(MANY, "$1/one");

/** Each kind of page that a link of another page leads to, until no link leads to a new kind. */
async function linked(page) {
  const met = new Set();
  const waiting = ["/console/"];
  while (waiting.length > 0) {
    const path = waiting.shift();
    const answer = await go(page, path);
    demand(answer.ok(), `${path}: ${answer.status()}`);
    const links = await page.locator("a[href^='/console/']").evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
    for (const link of links) {
      if (met.has(shape(link)) || /\/language$|\.(pem|der)$/.test(link)) continue;
      met.add(shape(link));
      waiting.push(link);
    }
    if (await page.locator("nav a[aria-current=page]").evaluateAll((all, here) => all.some((a) => a.getAttribute("href") === here), path)) continue;
    await good(page, path);
    await picture(page, `${pageName(shape(path))}-${language}`);
    await narrow(page);
    await wide(page);
  }
  for (const kind of ["jobs/one", "users/one", "users/one/profile", "directories/one/preview", "alarms/one", "alarm-targets:new/mail", "api/one"]) {
    demand(met.has(`/console/${kind}`), `no link leads to ${kind}`);
  }
}

async function outAndIn(page) {
  await page.locator(".top button").click({ timeout });
  await page.waitForURL("**/console/sign-in", { timeout });
  await picture(page, `sign-in-${language}`);
  await accessible(page);
  await go(page, "/console/users");
  await send(page, { administrator: "admin", password: "wrong" });
  await page.locator("p.notice[role=alert]").waitFor({ timeout });
  await send(page, { administrator: "admin", password: PASSWORD });
  await page.waitForURL("**/console/users", { timeout });
}

await walk([
  ["something to show, of each kind", populate],
  ["every page of the navigation", navigation],
  ["every kind of page that a link leads to", linked],
  ["signed out and in again", outAndIn],
]);
