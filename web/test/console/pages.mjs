// Every page of the navigation in one language (`--language`), dark and as narrow as a telephone; signed out and in again.
import {
  accessible,
  accessibleInTheDark,
  addLostDirectory,
  demand,
  fits,
  go,
  options,
  PASSWORD,
  picture,
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
  await go(page, "/console/traces");
  await send(page, { user: "user1", minutes: "5" });
  await said(page);
}

async function everyPage(page) {
  const { language } = options;
  await go(page, `/console/language?to=${language}&back=/console/`);
  demand((await page.locator("html").getAttribute("lang")) === language, "the language is chosen");
  const pages = await page.locator("nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  demand(pages.length >= 10, `only ${pages.length} pages`);
  for (const path of pages) {
    const name = path === "/console/" ? "dashboard" : path.replace("/console/", "").replaceAll(/[/:]/g, "-");
    await page.setViewportSize({ width: 1280, height: 800 });
    await go(page, path);
    demand((await page.locator("nav a[aria-current=page]").count()) === 1, `${path} is marked in the navigation`);
    demand(!/\b(nav|frame|help)-[a-z]/.test(await page.innerText("body")), `${path} lacks a text`);
    await fits(page);
    await accessible(page);
    await picture(page, `${name}-${language}`);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessibleInTheDark(page);
    await page.setViewportSize({ width: 390, height: 800 });
    await fits(page);
    if (path === "/console/users") await picture(page, `${name}-${language}-dark-narrow`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function outAndIn(page) {
  await page.locator(".top button").click({ timeout });
  await page.waitForURL("**/console/sign-in", { timeout });
  await picture(page, `sign-in-${options.language}`);
  await accessible(page);
  await go(page, "/console/users");
  await send(page, { administrator: "admin", password: "wrong" });
  await page.locator("p.notice[role=alert]").waitFor({ timeout });
  await send(page, { administrator: "admin", password: PASSWORD });
  await page.waitForURL("**/console/users", { timeout });
}

await walk([
  ["something to show: users, a gateway, a directory, a trace", populate],
  ["every page", everyPage],
  ["signed out and in again", outAndIn],
]);
