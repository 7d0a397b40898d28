// Every page of the navigation in one language (`--language`), dark and as narrow as a telephone; signed out and in again.
import {
  accessible,
  accessibleInTheDark,
  demand,
  go,
  good,
  language,
  narrow,
  pageName,
  PASSWORD,
  picture,
  populate,
  send,
  speak,
  timeout,
  walk,
  wide,
} from "./walk.mjs";

async function navigation(page) {
  await speak(page);
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
  ["signed out and in again", outAndIn],
]);
