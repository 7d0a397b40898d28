// A headless Chromium with everything but the node under test forbidden, and what it complained of.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function chromiumPath() {
  const path = process.env.ZAISEKI_CHROMIUM ?? CANDIDATES.find((candidate) => existsSync(candidate));
  if (!path) throw new Error("no Chromium found: install it, or name it in ZAISEKI_CHROMIUM");
  return path;
}

export async function launch() {
  // The node's certificate is self-signed on first start; the profile is thrown away afterwards.
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
}

/**
 * A page in a browser profile of its own. `foreign` lists requests that went to another host than the page's (they are
 * refused), `violations` what the content security policy blocked.
 */
export async function openPage(browser, url, locale) {
  const context = await browser.newContext({ locale, ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const seen = { foreign: [], violations: [], errors: [] };
  const home = new URL(url).host;
  const isHome = (address) => /^(data|blob):/.test(address) || new URL(address).host === home;
  await context.route("**/*", (route) => {
    const address = route.request().url();
    if (isHome(address)) return route.continue();
    seen.foreign.push(address);
    return route.abort();
  });
  page.on("websocket", (socket) => {
    if (!isHome(socket.url())) seen.foreign.push(socket.url());
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy/i.test(text)) seen.violations.push(text);
    if (process.env.ZAISEKI_BROWSER_LOG) console.error(`[${message.type()}] ${text}`);
  });
  await page.goto(url);
  return { page, seen };
}
