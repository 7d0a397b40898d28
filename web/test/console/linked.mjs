// Each kind of page that a link leads to, in one language (`--language`), wide and as narrow as a telephone.
import { demand, go, good, language, narrow, pageName, picture, populate, speak, walk, wide } from "./walk.mjs";

/** Those of which there is one page for each thing. */
const MANY = /^(\/console\/(?:users|directories|gateways|jobs|services|alarms|alarm-targets|administrators|trust|certificates|api))\/[^/]+/;
const shape = (path) => path.replace(MANY, "$1/one");

/** Each kind of page that a link of another page leads to, until no link leads to a new kind. */
async function linked(page) {
  await speak(page);
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

await walk([
  ["something to show, of each kind", populate],
  ["every kind of page that a link leads to", linked],
]);
