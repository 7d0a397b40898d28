// Administrators sign in by an OpenID provider (oidc-provider from npm), in headless Chromium: out to its pages and back, signed out and in
// again without being asked; somebody without a role is told so.
//
//   node test/provider.mjs --url https://127.0.0.1:8443 [--seconds N]
import { parseArgs } from "node:util";
import { launch } from "./browser.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" }, seconds: { type: "string", default: "20" } } });
const timeout = Number(options.seconds) * 1000;

function demand(truth, why) {
  if (!truth) throw new Error(why);
}

/** A browser profile that knows nobody yet. */
async function fresh(browser) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en" });
  return context.newPage();
}

/** Through the pages of the provider, as they come with it. */
async function signInThere(page, name) {
  await page.locator('input[name="login"]').fill(name, { timeout });
  await page.locator('input[name="password"]').fill("any", { timeout });
  await page.locator('button[type="submit"]').click({ timeout });
  await page.locator('input[name="prompt"][value="consent"]').waitFor({ state: "attached", timeout });
  await page.locator('button[type="submit"]').click({ timeout });
}

const browser = await launch();
try {
  const page = await fresh(browser);
  // Where one wanted to go is where one arrives.
  await page.goto(`${options.url}/console/users`);
  await page.getByRole("link", { name: "Sign in with the house" }).click({ timeout });
  await signInThere(page, "boss");
  await page.waitForURL("**/console/users", { timeout });
  demand((await page.innerText("body")).includes("boss"), "the account has the provider's name");
  await page.goto(`${options.url}/console/account`);
  demand((await page.innerText("#content")).includes("Administrator"), "and the role of the group");
  console.log("ok: signed in by the provider");

  await page.goto(`${options.url}/console/`);
  await page.getByRole("button", { name: "Sign out" }).click({ timeout });
  await page.waitForURL("**/console/sign-in", { timeout });
  await page.getByRole("link", { name: "Sign in with the house" }).click({ timeout });
  await page.waitForURL("**/console/", { timeout });
  console.log("ok: in again, since the provider knows the browser");

  const other = await fresh(browser);
  await other.goto(`${options.url}/console/sign-in`);
  await other.getByRole("link", { name: "Sign in with the house" }).click({ timeout });
  await signInThere(other, "clerk");
  await other.getByText("may not administer this node").waitFor({ timeout });
  demand(new URL(other.url()).pathname === "/console/sign-in/callback", "and is still outside");
  await other.goto(`${options.url}/console/`);
  demand(new URL(other.url()).pathname === "/console/sign-in", "nobody is signed in");
  console.log("ok: without a role nobody gets in");
} finally {
  await browser.close();
}
