// Two people on the chat page of a running node, in headless Chromium: sign-in, a contact's status, a message there and back.
//
//   node test/chat.mjs --url https://127.0.0.1:8443/chat/ --user JID:PASSWORD --peer JID:PASSWORD
//     [--status TEXT]        what --user must come to see under --peer's name
//     [--screenshots DIR]    pictures for people to look at
//     [--seconds N]          deadline of each wait, default 30
//
// Both must already be each other's contacts. Prints one line per step; ends with 1 at the first one that fails.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, openPage } from "./browser.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    user: { type: "string" },
    peer: { type: "string" },
    status: { type: "string" },
    screenshots: { type: "string" },
    seconds: { type: "string", default: "30" },
  },
});
const timeout = Number(options.seconds) * 1000;

function person(text) {
  const cut = text.indexOf(":");
  return { jid: text.slice(0, cut), password: text.slice(cut + 1) };
}

function readySignIn({ jid, password }) {
  return `${options.url}#${new URLSearchParams({ user: jid, password })}`;
}

async function step(name, work) {
  try {
    const result = await work();
    console.log(`ok: ${name}`);
    return result;
  } catch (cause) {
    throw new Error(`${name}: ${cause.message}`, { cause });
  }
}

async function picture(page, name) {
  if (!options.screenshots) return;
  mkdirSync(options.screenshots, { recursive: true });
  await page.screenshot({ path: join(options.screenshots, `${name}.png`) });
}

function contactRow(page, jid) {
  // An unread message lists its sender a second time, above the contacts.
  return page.locator("converse-roster-contact", { has: page.locator(`[data-jid="${jid}"]`) }).last();
}

async function signIn(browser, who, locale, name) {
  const { page, seen } = await openPage(browser, readySignIn(who), locale);
  try {
    await page.locator("converse-user-profile").first().waitFor({ timeout });
  } finally {
    await picture(page, `${name}-signed-in`);
  }
  return { page, seen };
}

async function signInForm(browser) {
  const { page, seen } = await openPage(browser, options.url, "ja-JP");
  await page.locator("converse-login-form input[name=jid]").waitFor({ timeout });
  await picture(page, "sign-in");
  assertQuiet("sign-in form", seen);
  await page.context().close();
}

async function send(page, jid, text) {
  await contactRow(page, jid).locator("a.open-chat").click({ timeout });
  const box = page.locator(".chat-textarea").first();
  await box.fill(text, { timeout });
  await box.press("Enter");
}

async function received(page, text) {
  await page.locator(".chat-msg__text", { hasText: text }).first().waitFor({ timeout });
}

function assertQuiet(name, seen) {
  for (const kind of ["foreign", "violations", "errors"]) {
    if (seen[kind].length > 0) throw new Error(`${name}: ${kind}: ${seen[kind].join("; ")}`);
  }
}

async function dialogue(browser) {
  const user = person(options.user);
  const peer = person(options.peer);
  await step("the sign-in form is shown", () => signInForm(browser));
  const left = await step("the first person signs in (English page)", () => signIn(browser, user, "en-GB", "user"));
  const right = await step("the second person signs in (Japanese page)", () => signIn(browser, peer, "ja-JP", "peer"));
  await step("the sign-in left the address bar", () => {
    if (right.page.url().includes("password")) throw new Error(right.page.url());
  });
  await step("the page speaks Japanese", () => right.page.locator("html[lang=ja]").waitFor({ state: "attached", timeout }));
  await step("the contact is shown", () => contactRow(left.page, peer.jid).waitFor({ timeout }));
  if (options.status) {
    await step(`the contact shows “${options.status}”`, () =>
      contactRow(left.page, peer.jid).locator(".zaiseki-status", { hasText: options.status }).waitFor({ timeout }),
    );
    await picture(left.page, "status");
  }
  const words = `おはよう ${Date.now()}`;
  await step("a message is sent", () => send(left.page, peer.jid, words));
  await step("a message is received", async () => {
    await contactRow(right.page, user.jid).locator("a.open-chat").click({ timeout });
    await received(right.page, words);
  });
  await step("an answer comes back", async () => {
    await send(right.page, user.jid, `答え ${words}`);
    await received(left.page, `答え ${words}`);
  });
  await picture(left.page, "user-chat");
  await picture(right.page, "peer-chat");
  await step("nothing outside was asked for, no policy was broken, no script failed", () => {
    assertQuiet("first", left.seen);
    assertQuiet("second", right.seen);
  });
}

if (!options.url || !options.user || !options.peer) throw new Error("--url, --user and --peer are needed");
const browser = await launch();
try {
  await dialogue(browser);
} catch (cause) {
  console.error(`failed: ${cause.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
