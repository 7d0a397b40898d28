// Two people with Strophe.js over BOSH: sign-in, roster, subscription, presence, chat both ways while polls are held, sign-off;
// and the session kept over a new connection object (`attach`).
//
// Arguments: HTTPS port, two bare JIDs, their password. NODE_EXTRA_CA_CERTS names the node's authority. Prints a line per step
// and "done". Every wait has a deadline.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { setDefaultResultOrder } from "node:dns";
import process from "node:process";
import { DOMParser } from "@xmldom/xmldom";
import XMLHttpRequest from "xmlhttprequest-ssl";

globalThis.crypto ??= webcrypto;
setDefaultResultOrder("ipv4first");
// What of a browser Strophe.js needs for BOSH.
const xmlParser = (text) => new DOMParser().parseFromString(text, "text/xml");
globalThis.XMLHttpRequest = class extends XMLHttpRequest {
  constructor() {
    super({ xmlParser });
  }
};
console.debug = () => {};
const { Strophe, $iq, $msg, $pres } = await import("strophe.js");

const [HTTPS, ONE, TWO, PASSWORD] = process.argv.slice(2);
const DEADLINE = 15_000;
const TEXT = "hello <&> 会議";

/** Rejects when `promise` takes longer than the deadline. */
function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${DEADLINE} ms`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Session {
  constructor() {
    this.connection = new Strophe.Connection(`https://localhost:${HTTPS}/http-bind`);
    this.statuses = [];
    this.changed = () => {};
  }

  /** Waits for a status of the connection, having started it by `start(callback)`. */
  reach(wanted, start = () => {}) {
    const reached = new Promise((resolve, reject) => {
      this.changed = () => {
        if (this.statuses.includes(wanted)) resolve();
        const { AUTHFAIL, CONNFAIL, ERROR } = Strophe.Status;
        const failed = this.statuses.find((status) => [AUTHFAIL, CONNFAIL, ERROR].includes(status));
        if (failed !== undefined) reject(new Error(`status ${failed}, wanted ${wanted}`));
      };
    });
    start((status) => {
      this.statuses.push(status);
      this.changed();
    });
    this.changed();
    return within(`status ${wanted}`, reached);
  }

  async signIn(jid) {
    await this.reach(Strophe.Status.CONNECTED, (told) => this.connection.connect(jid, PASSWORD, told));
    await this.ask($iq({ type: "get" }).c("query", { xmlns: Strophe.NS.ROSTER }));
    this.connection.send($pres());
    return this;
  }

  ask(iq) {
    return within("an answer", new Promise((resolve, reject) => this.connection.sendIQ(iq, resolve, reject)));
  }

  /** The next stanza of this name that fits. Call it before what makes the stanza come. */
  hear(name, fits) {
    const heard = new Promise((resolve) => {
      this.connection.addHandler((stanza) => {
        if (!fits(stanza)) return true;
        resolve(stanza);
        return false;
      }, null, name);
    });
    return within(`a ${name}`, heard);
  }

  async leave() {
    await this.reach(Strophe.Status.DISCONNECTED, () => this.connection.disconnect("done"));
  }
}

function step(name) {
  console.log(`ok: ${name}`);
}

function body(text) {
  return (stanza) => stanza.getElementsByTagName("body")[0]?.textContent === text;
}

async function chat(from, to, text) {
  const heard = to.hear("message", body(text));
  from.connection.send($msg({ to: to.connection.jid, type: "chat" }).c("body").t(text));
  const message = await heard;
  assert.equal(message.getAttribute("from"), from.connection.jid);
}

async function main() {
  const one = await new Session().signIn(`${ONE}/one`);
  const two = await new Session().signIn(`${TWO}/two`);
  assert.deepEqual([one.connection.jid, two.connection.jid], [`${ONE}/one`, `${TWO}/two`]);
  step(`sign-in by ${one.connection._sasl_mechanism?.mechname ?? "SASL"}`);

  const seen = one.hear("presence", (p) => p.getAttribute("from") === two.connection.jid && !p.getAttribute("type"));
  one.connection.send($pres({ to: TWO, type: "subscribe" }));
  await seen;
  step("subscription and presence");

  await chat(one, two, TEXT);
  await chat(two, one, `${TEXT} 2`);
  // More than the two requests that a session may have open (XEP-0124 §11).
  const last = two.hear("message", body("number 39"));
  for (let number = 0; number < 40; number++) {
    one.connection.send($msg({ to: two.connection.jid, type: "chat" }).c("body").t(`number ${number}`));
  }
  await last;
  step("chat");

  // A page that was loaded anew takes the session up where the last one left it.
  const { sid, rid } = await paused(two);
  const again = new Session();
  await again.reach(Strophe.Status.ATTACHED, (told) => again.connection.attach(`${TWO}/two`, sid, rid, told));
  await chat(one, again, "after the reload");
  step("attached anew");

  const gone = one.hear("presence", (p) => p.getAttribute("from") === again.connection.jid && p.getAttribute("type") === "unavailable");
  await again.leave();
  await gone;
  await one.leave();
  console.log("done");
  process.exit(0);
}

/** Stops a session's client as a page that goes away does, and returns what its follower needs. */
async function paused(session) {
  const { connection } = session;
  connection.pause();
  const bosh = connection._proto;
  const state = { sid: bosh.sid, rid: bosh.rid };
  for (const request of bosh._requests) {
    request.abort = true;
    request.xhr.onreadystatechange = null;
    request.xhr.abort();
  }
  clearTimeout(connection._idleTimeout);
  return state;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
