// Two people with xmpp.js against a node: STARTTLS, direct TLS and WebSocket; roster, subscription, presence, chat, carbons,
// archive in pages, PEP (nickname, avatar, bookmarks), resumption after a cut.
//
// Arguments: three ports (STARTTLS, direct TLS, HTTPS), two bare JIDs, their password. NODE_EXTRA_CA_CERTS names the node's
// authority. Prints a line per step and "done". Every wait has a deadline.

import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";
import { setDefaultResultOrder } from "node:dns";
import process from "node:process";
import WebSocket from "ws";
import { client, xml } from "@xmpp/client";

// Node.js 18 and 20 have not all of what browsers have.
globalThis.WebSocket ??= WebSocket;
globalThis.crypto ??= webcrypto;
setDefaultResultOrder("ipv4first");

const [STARTTLS, DIRECT, HTTPS, ONE, TWO, PASSWORD] = process.argv.slice(2);
const DOMAIN = ONE.split("@")[1];
const DEADLINE = 15_000;
const TEXT = "hello <&> 会議";
const PUBSUB = "http://jabber.org/protocol/pubsub";
const NICK = "http://jabber.org/protocol/nick";
const AVATAR_DATA = "urn:xmpp:avatar:data";
const AVATAR_METADATA = "urn:xmpp:avatar:metadata";
const BOOKMARKS = "urn:xmpp:bookmarks:1";
const MAM = "urn:xmpp:mam:2";
const RSM = "http://jabber.org/protocol/rsm";

/** Rejects when `promise` takes longer than the deadline. */
function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${DEADLINE} ms`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A client, the stanzas that it has got and nobody has asked for yet, and those who wait for one. */
class Session {
  constructor(service, jid, resource) {
    this.bare = jid;
    this.heard = [];
    this.waiting = [];
    this.xmpp = client({ service, domain: DOMAIN, resource, username: jid.split("@")[0], password: PASSWORD });
    this.xmpp.on("error", (error) => console.log(`${resource}: ${error}`));
    this.xmpp.on("stanza", (stanza) => {
      this.heard.push(stanza);
      this.waiting = this.waiting.filter((look) => !look());
    });
  }

  async signIn() {
    const jid = await within("sign-in", this.xmpp.start());
    assert.equal(jid.bare().toString(), this.bare);
    await this.ask("get", xml("query", { xmlns: "jabber:iq:roster" }));
    await this.xmpp.send(xml("presence", {}, xml("priority", {}, "1")));
    return this;
  }

  get full() {
    return this.xmpp.jid.toString();
  }

  /** The first stanza that fits; it is then taken. */
  hear(what, fits) {
    return within(
      what,
      new Promise((resolve) => {
        const look = () => {
          const at = this.heard.findIndex(fits);
          if (at < 0) return false;
          resolve(this.heard.splice(at, 1)[0]);
          return true;
        };
        if (!look()) this.waiting.push(look);
      }),
    );
  }

  /** A request; the answer's payload, or an error thrown. */
  ask(type, payload, to) {
    return within(payload.name, this.xmpp.iqCaller.request(xml("iq", { type, ...(to && { to }) }, payload)));
  }

  async publish(node, id, payload, options = {}) {
    const fields = Object.entries(options).map(([name, value]) => field(`pubsub#${name}`, value));
    const form = (type) => field("FORM_TYPE", `${PUBSUB}#publish-options`, type);
    const more = fields.length && xml("publish-options", {}, xml("x", { xmlns: "jabber:x:data", type: "submit" }, form("hidden"), ...fields));
    await this.ask("set", xml("pubsub", { xmlns: PUBSUB }, xml("publish", { node }, xml("item", { id }, payload)), more || undefined));
  }

  /** The items of a node of one's own, or of `owner`. */
  async items(node, owner) {
    const answer = await this.ask("get", xml("pubsub", { xmlns: PUBSUB }, xml("items", { node })), owner);
    return answer.getChild("pubsub").getChild("items").getChildren("item");
  }
}

function field(name, value, type) {
  return xml("field", { var: name, ...(type && { type }) }, xml("value", {}, value));
}

function step(name) {
  console.log(`ok: ${name}`);
}

/** Whether a stanza notifies of this node, from this person. */
function event(node, from) {
  return (s) => s.attrs.from?.split("/")[0] === from && s.getChild("event")?.getChild("items")?.attrs.node === node;
}

async function subscribe(one, two) {
  await one.xmpp.send(xml("presence", { to: TWO, type: "subscribe" }));
  await one.hear("the approval", (s) => s.is("presence") && s.attrs.type === "subscribed" && s.attrs.from === TWO);
  await one.hear("presence", (s) => s.is("presence") && !s.attrs.type && s.attrs.from === two.full);
  const roster = await one.ask("get", xml("query", { xmlns: "jabber:iq:roster" }));
  const item = roster.getChild("query").getChildren("item").find((item) => item.attrs.jid === TWO);
  assert.ok(["to", "both"].includes(item.attrs.subscription), String(item));
  await one.ask("set", xml("query", { xmlns: "jabber:iq:roster" }, xml("item", { jid: TWO, name: "花子" }, xml("group", {}, "Office"))));
  const push = (s) => s.is("iq") && s.attrs.type === "set" && s.getChild("query")?.getChild("item")?.attrs.name === "花子";
  await one.hear("a roster push", push);
  step("roster, subscription, presence");
}

async function chat(one, two, other) {
  await other.ask("set", xml("enable", { xmlns: "urn:xmpp:carbons:2" }));
  await one.xmpp.send(xml("message", { to: two.full, type: "chat", id: "m1" }, xml("body", {}, TEXT)));
  const message = await two.hear("a message", (s) => s.is("message") && s.getChildText("body") === TEXT);
  assert.equal(message.attrs.from, one.full);
  assert.ok(message.getChild("stanza-id", "urn:xmpp:sid:0"), "an id of the archive");
  const carbon = await other.hear("a carbon", (s) => s.is("message") && s.getChild("received", "urn:xmpp:carbons:2"));
  const copy = carbon.getChild("received").getChild("forwarded").getChild("message");
  assert.equal(copy.getChildText("body"), TEXT);
  step("chat and carbons");
}

async function archive(one) {
  for (let number = 0; number < 25; number++) {
    await one.xmpp.send(xml("message", { to: TWO, type: "chat" }, xml("body", {}, `number ${number}`)));
  }
  await one.ask("get", xml("ping", { xmlns: "urn:xmpp:ping" }), DOMAIN);
  const bodies = [];
  let after;
  for (let page = 0; ; page++) {
    const set = xml("set", { xmlns: RSM }, xml("max", {}, "10"), after && xml("after", {}, after));
    const form = xml("x", { xmlns: "jabber:x:data", type: "submit" }, field("FORM_TYPE", MAM, "hidden"), field("with", TWO));
    const queryid = `page${page}`;
    const answer = await one.ask("set", xml("query", { xmlns: MAM, queryid }, form, set));
    const results = one.heard.filter((s) => s.getChild("result", MAM)?.attrs.queryid === queryid);
    assert.ok(results.length <= 10, "a page");
    bodies.push(...results.map((s) => s.getChild("result").getChild("forwarded").getChild("message").getChildText("body")));
    const fin = answer.getChild("fin", MAM);
    if (fin.attrs.complete === "true") break;
    after = fin.getChild("set").getChildText("last");
  }
  assert.deepEqual(bodies, [TEXT, ...Array.from({ length: 25 }, (_, number) => `number ${number}`)]);
  step("archive in pages");
}

/** Announces what one wants to be notified of (XEP-0115 §5, XEP-0163 §4) and answers the server's question. */
async function announce(session, nodes) {
  const features = ["http://jabber.org/protocol/caps", ...nodes.map((node) => `${node}+notify`)].sort();
  const hashed = `client/pc//test<${features.join("<")}<`;
  const ver = createHash("sha1").update(hashed).digest("base64");
  const query = () => xml("query", { xmlns: "http://jabber.org/protocol/disco#info", node: `urn:test#${ver}` },
    xml("identity", { category: "client", type: "pc", name: "test" }), ...features.map((feature) => xml("feature", { var: feature })));
  session.xmpp.iqCallee.get("http://jabber.org/protocol/disco#info", "query", query);
  const c = xml("c", { xmlns: "http://jabber.org/protocol/caps", hash: "sha-1", node: "urn:test", ver });
  await session.xmpp.send(xml("presence", {}, xml("priority", {}, "1"), c));
}

async function eventing(one, two, other) {
  await announce(one, [NICK, AVATAR_METADATA]);
  await announce(other, [BOOKMARKS]);
  await two.publish(NICK, "current", xml("nick", { xmlns: NICK }, "花ちゃん"));
  const nick = await one.hear("a nickname", event(NICK, TWO));
  assert.equal(nick.getChild("event").getChild("items").getChild("item").getChildText("nick"), "花ちゃん");

  const picture = Buffer.from("89504e470d0a1a0a", "hex");
  const id = createHash("sha1").update(picture).digest("hex");
  await two.publish(AVATAR_DATA, id, xml("data", { xmlns: AVATAR_DATA }, picture.toString("base64")));
  const info = xml("info", { bytes: String(picture.length), id, type: "image/png" });
  await two.publish(AVATAR_METADATA, id, xml("metadata", { xmlns: AVATAR_METADATA }, info));
  await one.hear("an avatar", event(AVATAR_METADATA, TWO));
  const [data] = await one.items(AVATAR_DATA, TWO);
  assert.equal(data.getChildText("data"), picture.toString("base64"));

  const options = { persist_items: "true", max_items: "max", send_last_published_item: "never", access_model: "whitelist" };
  const room = "room@conference.example";
  await two.publish(BOOKMARKS, room, xml("conference", { xmlns: BOOKMARKS, name: "会議室", autojoin: "true" }), options);
  await other.hear("a bookmark at the other device", event(BOOKMARKS, TWO));
  const [bookmark] = await two.items(BOOKMARKS);
  assert.deepEqual([bookmark.attrs.id, bookmark.getChild("conference").attrs.name], [room, "会議室"]);
  await assert.rejects(one.items(BOOKMARKS, TWO), "bookmarks are private");
  step("nickname, avatar, bookmarks");
}

async function resume(one, two) {
  const sm = two.xmpp.streamManagement;
  assert.ok(sm.enabled && sm.id, "no id to resume with");
  const before = sm.id;
  const resumed = new Promise((resolve) => sm.once("resumed", resolve));
  two.xmpp.socket.socket.destroy();
  await one.xmpp.send(xml("message", { to: two.full, type: "chat" }, xml("body", {}, "while you were away")));
  await within("the resumption", resumed);
  await two.hear("what came meanwhile", (s) => s.is("message") && s.getChildText("body") === "while you were away");
  assert.equal(sm.id, before);
  step("resume after a cut");
}

async function main() {
  const one = await new Session(`xmpp://127.0.0.1:${STARTTLS}`, ONE, "one").signIn();
  assert.equal(one.xmpp.socket.secure, true);
  step("STARTTLS");
  const two = await new Session(`xmpps://localhost:${DIRECT}`, TWO, "two").signIn();
  step("direct TLS");
  const other = await new Session(`wss://localhost:${HTTPS}/xmpp-websocket`, TWO, "other").signIn();
  step("WebSocket");
  await subscribe(one, two);
  await chat(one, two, other);
  await archive(one);
  await eventing(one, two, other);
  await resume(one, two);
  for (const session of [one, two, other]) {
    await within("sign-off", session.xmpp.stop());
  }
  console.log("done");
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
