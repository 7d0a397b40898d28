// What the node is connected with and how it is set: directories, gateways, settings, administrators, the REST API.
import {
  accessible,
  demand,
  fits,
  follow,
  go,
  named,
  options,
  PASSWORD,
  picture,
  press,
  refused,
  said,
  send,
  sendPeople,
  timeout,
  walk,
} from "./walk.mjs";

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

await walk([
  ["users whose calendars there could be", (page) => sendPeople(page, 8)],
  ["directories: refused, added, changed, tried, removed", directories],
  ["gateways: made, refused, tested, switched off", gateways],
  ["settings: refused, saved, taken back", settings],
  ["administrators' sign-in: refused, saved, switched off", adminSignIn],
  ["administrators, tokens, second factor", administrators],
  ["the REST API: read, refused, tried", api],
]);
