// An administrator at the web console of a fresh node, in headless Chromium: the first account by its link, users, gateways, settings,
// import, tokens, the audit log; then every page of the navigation in both languages, dark and as narrow as a telephone.
//
//   node test/console.mjs --url https://127.0.0.1:8443 --setup TOKEN [--screenshots DIR] [--seconds N]
//
// Fails at the first step that does not go as it should, at any serious finding of axe-core, at an error on the console of the
// browser, and at a request to another host. Prints one line per step.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, openPage } from "./browser.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    setup: { type: "string" },
    screenshots: { type: "string" },
    seconds: { type: "string", default: "15" },
  },
});
const timeout = Number(options.seconds) * 1000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "correct horse battery";

async function step(name, work) {
  try {
    await work();
    console.log(`ok: ${name}`);
  } catch (cause) {
    throw new Error(`${name}: ${cause.message}`, { cause });
  }
}

function demand(truth, why) {
  if (!truth) throw new Error(why);
}

async function picture(page, name) {
  if (!options.screenshots) return;
  mkdirSync(options.screenshots, { recursive: true });
  await page.screenshot({ path: join(options.screenshots, `${name}.png`) });
}

/** What keeps people who do not see well, or have no mouse, from using the page. */
async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const said = grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  demand(said.length === 0, `${page.url()}: ${said.join("; ")}`);
}

async function fits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  demand(wide <= 0, `${page.url()} is ${wide} pixels too wide`);
}

const go = (page, path) => page.goto(options.url + path);
const named = (page, name) => page.locator(`#content [name="${name}"]:not([type="hidden"])`);

/** Fills the form of the page and sends it. */
async function send(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = named(page, name);
    if (typeof value === "boolean") await field.setChecked(value, { timeout });
    else if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value, { timeout });
    else await field.fill(value, { timeout });
  }
  await page.locator("#content form.form button").first().click({ timeout });
}

async function refused(page, field) {
  await page.locator(`[id="${field}-error"]`).waitFor({ timeout });
  await accessible(page);
}

const said = (page) => page.locator("p.notice[role=status]").waitFor({ timeout });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click({ timeout });
const follow = (page, name) => page.locator("#content").getByRole("link", { name, exact: true }).click({ timeout });

async function firstAdministrator(page) {
  await picture(page, "set-up-en");
  await accessible(page);
  await send(page, { name: "admin", password: "short" });
  await refused(page, "password");
  demand((await named(page, "name").inputValue()) === "admin", "what was typed is kept");
  await send(page, { password: PASSWORD });
  await page.waitForURL("**/console/", { timeout });
}

async function users(page) {
  await go(page, "/console/users:new");
  await send(page, { name: "hanako", display_name: "佐藤 花子", mail: "nonsense", password: PASSWORD });
  await refused(page, "mail");
  await picture(page, "refused-en");
  await send(page, { mail: "hanako@example.com", password: PASSWORD });
  await said(page);
  await send(page, { telephone: "+81312345678" });
  await said(page);
  await press(page, "Disable");
  await said(page);
  await picture(page, "user-en");
  await accessible(page);
  await go(page, "/console/users:new");
  await send(page, { name: "taro" });
  await said(page);
  await go(page, "/console/users/taro");
  await follow(page, "Edit the profile");
  await send(page, { family_name: "山田", given_name: "太郎", phonetic_name: "ヤマダ タロウ", directory_uri: "@nobody" });
  await refused(page, "directory_uri");
  await picture(page, "user-profile-en");
  await send(page, { directory_uri: "taro@other.example", listed: false });
  await said(page);
  await go(page, "/console/address-scheme");
  await page.locator("#content a[href='/console/address-scheme/preview']").click({ timeout });
  demand((await page.locator("tbody").innerText()).includes("of another domain"), "the preview says what is in the way");
  await page.locator("#content form.form button").first().click({ timeout });
  await refused(page, "accept");
  await accessible(page);
  await picture(page, "address-scheme-refused-en");
  await go(page, "/console/users");
  await page.locator("tbody tr").nth(1).waitFor({ timeout });
  await named(page, "search").pressSequentially("花子");
  await page.locator("tbody tr").nth(1).waitFor({ state: "detached", timeout });
  demand((await page.locator("tbody tr").innerText()).includes("hanako"), "the list follows what is typed");
  await named(page, "search").fill("やまだ");
  await page.locator("tbody tr", { hasText: "taro" }).waitFor({ timeout });
  await picture(page, "users-search-en");
  await named(page, "search").fill("花子");
  await page.locator("tbody tr", { hasText: "hanako" }).waitFor({ timeout });
  await follow(page, "hanako");
  await follow(page, "Remove");
  await press(page, "Remove");
  await said(page);
}

async function troubleshooter(page) {
  await go(page, "/console/troubleshooter");
  await press(page, "Run the checks");
  await said(page);
  await page.locator("table").first().waitFor({ timeout });
  demand((await page.innerText("body")).includes("Listeners: c2s"), "every listener is looked at");
  await accessible(page);
}

/** How administrators sign in: a form that is refused and keeps what was typed, then taken. */
async function adminSignIn(page) {
  await go(page, "/console/admin-sign-in");
  await send(page, { enabled: true, issuer: "http://id.example.com" });
  await refused(page, "issuer");
  await send(page, { issuer: "https://id.example.com", client_id: "console", address: options.url });
  await refused(page, "roles");
  await send(page, { roles: "im-admins = boss" });
  await refused(page, "roles");
  demand((await named(page, "roles").inputValue()) === "im-admins = boss", "what was typed is kept");
  await send(page, { roles: "im-admins = administrator", secret: "a secret of the client", title: "the house" });
  await said(page);
  demand((await page.innerText("#content")).includes("/console/sign-in/callback"), "what to register is shown");
  await picture(page, "admin-sign-in-en");
  await send(page, { enabled: false });
  await said(page);
}

async function viewer(page) {
  await go(page, "/console/presence-viewer");
  await page.locator('input[name="viewer"]').fill("taro");
  await page.locator('input[name="of"]').fill("nobody");
  await page.locator("form.search button").click({ timeout });
  await refused(page, "of");
  await go(page, "/console/presence-viewer?viewer=taro&of=taro");
  await page.locator("table").first().waitFor({ timeout });
  await accessible(page);
  await picture(page, "presence-viewer-en");
  await go(page, "/console/users/taro/rename");
  await send(page, { name: "" });
  await refused(page, "name");
  await send(page, { name: "jiro" });
  await said(page);
}

async function imported(page) {
  await go(page, "/console/users:import");
  const csv = ["userid,password,display name,mail"];
  for (let number = 0; number < 60; number += 1) csv.push(`user${number},${PASSWORD},Person ${number},user${number}@example.com`);
  csv.push("user1,,Again,nonsense");
  const file = { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(csv.join("\n")) };
  await named(page, "file").setInputFiles(file);
  await page.locator("#content form.form button").click();
  await page.locator(".pill.warning").waitFor({ timeout: timeout * 4 });
  await picture(page, "import-en");
  await accessible(page);
  await go(page, "/console/users");
  await follow(page, "Next page");
  await follow(page, "First page");
}

/** Disabled by their ids, enabled by what matches; each a job that goes on in the background. */
async function bulk(page) {
  await go(page, "/console/users:im");
  await accessible(page);
  await send(page, { im: "false", way: "users", users: " , " });
  await refused(page, "users");
  demand((await named(page, "im").inputValue()) === "false", "what was chosen is kept");
  for (const [form, count] of [
    [{ users: "user1, user2\nuser3" }, 3],
    [{ im: "true", way: "matching", search: "user1" }, 1],
  ]) {
    if (form.way) await go(page, "/console/users:im");
    await send(page, form);
    await page.locator(".title .pill.good").waitFor({ timeout });
    const summary = await page.locator("dl.facts code").innerText();
    demand(JSON.parse(summary).changed === count, `${count} users change: ${summary}`);
    await accessible(page);
  }
  await picture(page, "bulk-job-en");
}

async function directories(page) {
  await go(page, "/console/directories:ldap");
  await accessible(page);
  await picture(page, "directory-new-en");
  const secret = "secret";
  const tree = { name: "Company", servers: "127.0.0.1:1", base: "dc=example,dc=com", bind_dn: "cn=reader", security: "none" };
  await send(page, { ...tree, secret, filter: "(uid=" });
  await refused(page, "filter");
  demand((await named(page, "base").inputValue()) === tree.base, "what was typed is kept");
  demand((await named(page, "secret").inputValue()) === "", "a password does not come back");
  await send(page, { filter: "", secret });
  await said(page);
  await follow(page, "Edit");
  await send(page, { servers: "127.0.0.2:1" });
  await refused(page, "secret");
  await send(page, { secret, "sync.grace_hours": "48" });
  await said(page);
  await follow(page, "Test");
  await press(page, "Test");
  await page.locator(".title .pill.bad").waitFor({ timeout });
  await accessible(page);
  await go(page, "/console/directories/Company");
  await press(page, "Dry run");
  const why = page.locator("p.notice.bad");
  await why.waitFor({ timeout });
  demand((await why.innerText()).includes("127.0.0.2:1: no connection"), "the dry run says which server, and why");
  await accessible(page);
  await picture(page, "directory-dry-run-en");
  await go(page, "/console/language?to=ja&back=/console/directories/Company/preview");
  demand((await why.innerText()).includes("127.0.0.2:1: 接続できません"), "in Japanese too");
  await go(page, "/console/language?to=en&back=/console/directories/Company");
  await follow(page, "Remove");
  await press(page, "Remove");
  await said(page);
}

/** What is opened stays open on the next page. */
async function navigation(page) {
  await go(page, "/console/users");
  const open = () => page.locator("nav details[open] summary").allInnerTexts();
  demand((await open()).join() === "People", `only the area of the page is open: ${await open()}`);
  await page.locator("nav summary", { hasText: "Presence" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("nav").getByRole("link", { name: "Gateways" }).click({ timeout });
  await page.locator("nav a[aria-current=page]").waitFor({ timeout });
  await go(page, "/console/users");
  demand((await open()).join() === "Presence,People", `it stays open: ${await open()}`);
  await page.locator("nav summary", { hasText: "Presence" }).click({ timeout });
  await go(page, "/console/users");
  demand((await open()).join() === "People", `it stays closed: ${await open()}`);
}

async function gateways(page) {
  await go(page, "/console/gateways:ews");
  await picture(page, "gateway-new-en");
  await accessible(page);
  await go(page, "/console/gateways:caldav");
  const gateway = { name: "Calendars", url: "http://127.0.0.1:1/{user}/", username: "service", secret: "secret", timeout_secs: "5" };
  await send(page, gateway);
  await refused(page, "url");
  await send(page, { secret: "secret", allow_clear_text: true });
  await said(page);
  await follow(page, "Test");
  await press(page, "Test");
  await page.locator(".title .pill.bad").waitFor({ timeout });
  await picture(page, "gateway-test-en");
  await accessible(page);
  await go(page, "/console/gateways/Calendars/edit");
  await send(page, { url: "http://127.0.0.2:1/{user}/" });
  await refused(page, "secret");
  await go(page, "/console/gateways/Calendars");
  await page.locator(".title .pill.bad").waitFor({ timeout });
  await picture(page, "gateway-en");
  await accessible(page);
  await press(page, "Switch off");
  await page.locator(".title .pill.quiet").waitFor({ timeout });
}

async function settings(page) {
  await go(page, "/console/messaging");
  await send(page, { archive_days: "0" });
  await refused(page, "archive_days");
  await send(page, { archive_days: "30" });
  await said(page);
  await press(page, "Back to default");
  await page.locator(".empty").waitFor({ timeout });
  // A mode that cannot work is refused beside the field that is missing.
  await go(page, "/console/user-sign-in");
  await send(page, { "sign_in.mode": "oidc" });
  await refused(page, "sign_in.oidc_issuer");
  await send(page, { "sign_in.mode": "local", "sign_in.keep_keys_hours": "8" });
  await said(page);
  await press(page, "Back to default");
  await page.locator(".empty").waitFor({ timeout });
}

async function administrators(page) {
  await go(page, "/console/administrators:new");
  await send(page, { name: "operator", role: "operator", password: PASSWORD });
  await said(page);
  await accessible(page);
  await follow(page, "Remove");
  await press(page, "Remove");
  await said(page);
  await go(page, "/console/account/tokens:new");
  await accessible(page);
  await send(page, { name: "nightly", "scope.users": "read" });
  await page.locator("pre").waitFor({ timeout });
  await go(page, "/console/account/second-factor");
  await page.locator("figure svg").waitFor({ timeout });
  await accessible(page);
  await picture(page, "second-factor-en");
  await go(page, "/console/account");
  await accessible(page);
  await picture(page, "account-en");
}

/** An operation is found, refused, and tried. */
async function api(page) {
  await go(page, "/console/api");
  await follow(page, "List settings with their values");
  await accessible(page);
  await go(page, "/console/api/users.remove");
  await send(page, { "path.name": "nobody" });
  await refused(page, "confirm");
  await go(page, "/console/api/users.list");
  await send(page, { "query.search": "user7", "query.limit": "1" });
  await page.locator("p.notice.good").waitFor({ timeout });
  demand((await page.locator("pre").last().innerText()).includes("user7"), "the answer is shown");
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await fits(page);
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function services(page) {
  await go(page, "/console/services");
  await follow(page, "Job scheduler");
  await page.locator(".title .pill.good").waitFor({ timeout });
  await follow(page, "Stop");
  await accessible(page);
  await picture(page, "service-stop-en");
  await press(page, "Stop");
  await said(page);
  await page.locator(".title .pill.warning").waitFor({ timeout });
  await picture(page, "service-en");
  await press(page, "Start");
  await said(page);
  await follow(page, "Deactivate");
  await press(page, "Deactivate");
  await page.locator(".title .pill.quiet").waitFor({ timeout });
  await press(page, "Activate");
  await page.locator(".title .pill.good").waitFor({ timeout });
  // Pages say that nothing moves on them, and where to mend it.
  await go(page, "/console/services/sync-agent/stop");
  await press(page, "Stop");
  await page.locator(".title .pill.warning").waitFor({ timeout });
  await go(page, "/console/directories");
  await page.locator("p.notice.warning").waitFor({ timeout });
  await accessible(page);
  await picture(page, "directories-stopped-en");
  await follow(page, "To the control center");
  await press(page, "Start");
  await page.locator(".title .pill.good").waitFor({ timeout });
  await go(page, "/console/directories");
  demand((await page.locator("p.notice.warning").count()) === 0, "the sync agent runs again");
  // Without it web clients are turned away, and this page is not.
  await go(page, "/console/services/web-clients/stop");
  await press(page, "Stop");
  await page.locator(".title .pill.warning").waitFor({ timeout });
  await press(page, "Start");
  await page.locator(".title .pill.good").waitFor({ timeout });
}

async function alarms(page) {
  await go(page, "/console/alarms");
  await page.locator("table").first().waitFor({ timeout });
  await accessible(page);
  await picture(page, "alarms-en");
  await go(page, "/console/alarm-targets:new/mail");
  await send(page, { name: "mail", host: "127.0.0.1", port: "1", from: "nonsense", to: "ops@example.com", security: "none" });
  await refused(page, "from");
  await go(page, "/console/alarm-targets:new/syslog");
  await send(page, { name: "siem", host: "127.0.0.1", port: "1", transport: "tcp", severity: "error" });
  await said(page);
  await press(page, "Send a test");
  await page.locator(".title .pill.bad").waitFor({ timeout });
  await accessible(page);
  await picture(page, "alarm-target-en");
  await press(page, "Remove");
  await said(page);
}

async function certificates(page) {
  await go(page, "/console/certificates");
  await accessible(page);
  await follow(page, "XMPP clients");
  await follow(page, "Reissue by the own authority");
  await send(page, { names: "localhost\nnot/a/name" });
  await refused(page, "names");
  demand((await named(page, "names").inputValue()).includes("not/a/name"), "what was typed is kept");
  await send(page, { names: "localhost\nchat.localhost" });
  await said(page);
  demand((await page.innerText("#content")).includes("chat.localhost"), "the new certificate is shown");
  await follow(page, "Make a signing request");
  await send(page, {});
  await said(page);
  demand((await page.locator("pre").innerText()).includes("BEGIN CERTIFICATE REQUEST"), "the request is there to copy");
  await accessible(page);
  await picture(page, "certificate-en");
  await follow(page, "Import");
  await send(page, { certificate: "nonsense", key: "secret words" });
  await refused(page, "certificate");
  demand((await named(page, "key").inputValue()) === "", "a key is not sent back");
  await picture(page, "certificate-import-en");
  await go(page, "/console/certificates/xmpp");
  await press(page, "Forget the request");
  await said(page);
  await follow(page, "Remove");
  await accessible(page);
  await press(page, "Remove");
  await said(page);
}

async function acme(page) {
  await go(page, "/console/certificates");
  await follow(page, "Automatic certificates (ACME)");
  await accessible(page);
  await send(page, { directory: "http://acme.example/", names: "im.example.com" });
  await refused(page, "directory");
  await send(page, { directory: "https://127.0.0.1:1/directory" });
  await refused(page, "terms_agreed");
  await send(page, { terms_agreed: true });
  await said(page);
  await accessible(page);
  await picture(page, "acme-en");
  await follow(page, "Stop using it");
  await press(page, "Stop using it");
  await said(page);
}

async function trust(page) {
  await go(page, "/console/certificates");
  const [download] = await Promise.all([page.waitForEvent("download", { timeout }), follow(page, "Download (DER)")]);
  const authority = readFileSync(await download.path());
  await go(page, "/console/trust");
  await follow(page, "Add an authority");
  await send(page, { name: "Company", certificate: "nonsense" });
  await refused(page, "certificate");
  await named(page, "certificate").fill("");
  await named(page, "file").setInputFiles({ name: "ca.cer", mimeType: "application/pkix-cert", buffer: authority });
  await send(page, {});
  await said(page);
  await accessible(page);
  await picture(page, "trusted-authority-en");
  await follow(page, "Remove");
  await accessible(page);
  await press(page, "Remove");
  await said(page);
}

async function closer(page) {
  await go(page, "/console/log-level");
  await send(page, { level: "debug", minutes: "0" });
  await refused(page, "minutes");
  await send(page, { level: "debug", minutes: "5" });
  await said(page);
  await press(page, "Back to the configured level now");
  await said(page);
  await go(page, "/console/traces");
  await send(page, { user: "nobody-there", minutes: "5" });
  await refused(page, "user");
  await send(page, { user: "jiro", minutes: "5" });
  await said(page);
  await press(page, "Stop");
  await said(page);
  await press(page, "Read");
  await page.locator(".empty").waitFor({ timeout });
  await accessible(page);
}

async function notifications(page) {
  await go(page, "/console/notifications");
  await page.getByText("Nothing waits.").waitFor({ timeout });
  await follow(page, "Restart the node");
  await page.getByText("Clients come back by themselves").waitFor({ timeout });
  await picture(page, "restart-en");
  await accessible(page);
  await follow(page, "Cancel");
  await page.waitForURL("**/console/notifications", { timeout });
}

/** Every page of the navigation. */
async function everyPage(page, language) {
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
    await accessible(page);
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
  await picture(page, "sign-in-ja");
  await accessible(page);
  await go(page, "/console/users");
  await send(page, { administrator: "admin", password: "wrong" });
  await page.locator("p.notice[role=alert]").waitFor({ timeout });
  await send(page, { administrator: "admin", password: PASSWORD });
  await page.waitForURL("**/console/users", { timeout });
}

async function main() {
  const browser = await launch();
  try {
    const { page, seen } = await openPage(browser, `${options.url}/setup/${options.setup}`, "en-US");
    // A refused form is an answer 4xx, of which Chromium tells too.
    const complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
    });
    await step("the first administrator by the link", () => firstAdministrator(page));
    await step("users: made, refused, changed, found, removed", () => users(page));
    await step("users: imported", () => imported(page));
    await step("IM and presence in bulk: refused, disabled, enabled", () => bulk(page));
    await step("directories: refused, added, changed, tried, removed", () => directories(page));
    await step("the navigation: opened by keyboard, stays open", () => navigation(page));
    await step("the presence viewer: refused, explained", () => viewer(page));
    await step("the troubleshooter: run", () => troubleshooter(page));
    await step("gateways: made, refused, tested, switched off", () => gateways(page));
    await step("settings: refused, saved, taken back", () => settings(page));
    await step("administrators' sign-in: refused, saved, switched off", () => adminSignIn(page));
    await step("administrators, tokens, second factor", () => administrators(page));
    await step("the REST API: read, refused, tried", () => api(page));
    await step("services: stopped, started, switched off for good and on again", () => services(page));
    await step("notifications: nothing waits, a restart asks first", () => notifications(page));
    await step("alarms and their targets: refused, added, tested, removed", () => alarms(page));
    await step("certificates: reissued, asked for, refused, taken away", () => certificates(page));
    await step("ACME: refused, set, taken back", () => acme(page));
    await step("trusted authorities: refused, added as a file, taken away", () => trust(page));
    await step("log level and trace: refused, begun, ended", () => closer(page));
    await step("every page in English", () => everyPage(page, "en"));
    await step("every page in Japanese", () => everyPage(page, "ja"));
    await step("signed out and in again", () => outAndIn(page));
    await step("no foreign request, no complaint", async () => {
      const all = [...seen.foreign, ...seen.violations, ...seen.errors, ...complaints];
      demand(all.length === 0, all.join("; "));
    });
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
