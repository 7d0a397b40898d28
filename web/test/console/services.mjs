// How the node runs: services, alarms, certificates, trust, log level, traces.
import {
  accessible,
  addLostDirectory,
  addTrusted,
  demand,
  follow,
  go,
  makeUser,
  named,
  picture,
  press,
  refused,
  said,
  send,
  timeout,
  walk,
} from "./walk.mjs";

async function troubleshooter(page) {
  await go(page, "/console/troubleshooter");
  await press(page, "Run the checks");
  await said(page);
  await page.locator("table").first().waitFor({ timeout });
  demand((await page.innerText("body")).includes("Listeners: c2s"), "every listener is looked at");
  await accessible(page);
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

async function alarms(page) {
  await addLostDirectory(page);
  const table = page.locator("table").first();
  const end = Date.now() + timeout;
  do await go(page, "/console/alarms");
  while (!(await table.isVisible()) && Date.now() < end);
  demand(await table.isVisible(), "what fails is an alarm");
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
  await go(page, "/console/trust");
  await follow(page, "Add an authority");
  await send(page, { name: "Company", certificate: "nonsense" });
  await refused(page, "certificate");
  await addTrusted(page);
  await accessible(page);
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
  await makeUser(page, "jiro");
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

await walk([
  ["the troubleshooter: run", troubleshooter],
  ["services: stopped, started, switched off for good and on again", services],
  ["notifications: nothing waits, a restart asks first", notifications],
  ["alarms and their targets: refused, added, tested, removed", alarms],
  ["certificates: reissued, asked for, refused, taken away", certificates],
  ["ACME: refused, set, taken back", acme],
  ["trusted authorities: refused, added as a file, taken away", trust],
  ["log level and trace: refused, begun, ended", closer],
]);
