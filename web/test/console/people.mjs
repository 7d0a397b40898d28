// Everybody who is looked after: users made one by one and by file, in bulk, found, renamed; what one sees of another.
import {
  accessible,
  demand,
  follow,
  go,
  makeUser,
  named,
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
  await makeUser(page, "taro");
  await go(page, "/console/users/taro");
  await follow(page, "Edit the profile");
  await send(page, { family_name: "山田", given_name: "太郎", phonetic_name: "ヤマダ タロウ", directory_uri: "@nobody" });
  await refused(page, "directory_uri");
  await picture(page, "user-profile-en");
  await send(page, { directory_uri: "taro@other.example", listed: false, numbers: "work +81312345678" });
  await refused(page, "numbers");
  await send(page, { numbers: "work = +81 3 1234 5678\nmobile = +819012345678", devices: "SEP1, desk phone, 5123\nCSF1", node: "n1" });
  await said(page);
  demand((await page.innerText("#content")).includes("+819012345678 (mobile)"), "the numbers are shown in one form");
  await follow(page, "Edit the profile");
  demand((await named(page, "devices").inputValue()) === "CSF1\nSEP1, desk phone, 5123", "the devices are kept");
  await go(page, "/console/users/taro");
  await go(page, "/console/address-scheme");
  await page.locator("#content a[href='/console/address-scheme/preview']").click({ timeout });
  demand((await page.locator("tbody").innerText()).includes("of another domain"), "the preview says what is in the way");
  await page.locator("#content form.form button").first().click({ timeout });
  await refused(page, "accept");
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

async function imported(page) {
  await sendPeople(page, 60, ["user1,,Again,nonsense"], "warning");
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
    const summary = await page.locator("dl.facts dt", { hasText: /^Changed$/ }).locator("+ dd").innerText();
    demand(summary === String(count), `${count} users change: ${summary}`);
    await accessible(page);
  }
  await picture(page, "bulk-job-en");
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

await walk(
  [
    ["users: made, refused, changed, found, removed", users],
    ["users: imported", imported],
    ["IM and presence in bulk: refused, disabled, enabled", bulk],
    ["the navigation: opened by keyboard, stays open", navigation],
    ["the presence viewer: refused, explained", viewer],
  ],
  firstAdministrator,
);
