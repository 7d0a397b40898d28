"""Two slixmpp clients against a node: sign-in, roster, subscription, chat, carbons, resume, archive, PEP.

Arguments: port, file of the certificate authority, two bare JIDs, their password. Prints a line per step and "done".
Every wait has a deadline.
"""

import asyncio
import sys

import slixmpp

PORT, CA, ONE, TWO, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
DEADLINE = 15
PLUGINS = ("xep_0030", "xep_0050", "xep_0055", "xep_0060", "xep_0092", "xep_0108", "xep_0115", "xep_0163", "xep_0198", "xep_0199", "xep_0280", "xep_0313")


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, mechanism=None):
        super().__init__(jid, PASSWORD, sasl_mech=mechanism)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.ca_certs = CA
        self.heard = {}
        for event in ("session_start", "session_resumed", "message", "carbon_received", "carbon_sent", "changed_status",
                      "presence_subscribed", "user_activity_publish", "failed_all_auth", "disconnected"):
            self.heard[event] = asyncio.Queue()
            self.add_event_handler(event, self.heard[event].put_nowait)

    async def wait(self, event, fits=lambda _: True):
        while True:
            found = await asyncio.wait_for(self.heard[event].get(), DEADLINE)
            if fits(found):
                return found

    async def sign_in(self):
        self.connect("127.0.0.1", PORT)
        await self.wait("session_start")
        await self.get_roster()
        self.send_presence()
        return self


def step(name):
    print("ok:", name, flush=True)


async def chat(one, two, other):
    one.send_presence_subscription(TWO)
    await one.wait("presence_subscribed")
    await one.wait("changed_status", lambda p: p["from"].bare == TWO)
    step("subscription and presence")
    await other.plugin["xep_0280"].enable()
    one.send_message(two.boundjid.full, "hello <&> 会議", mtype="chat")
    message = await two.wait("message", lambda m: m["body"])
    assert message["body"] == "hello <&> 会議", message
    await other.wait("carbon_received", lambda m: m["carbon_received"]["body"] == "hello <&> 会議")
    step("chat and carbons")


async def archive(one):
    for number in range(25):
        one.send_message(TWO, f"number {number}", mtype="chat")
    await one.plugin["xep_0199"].ping(ONE.split("@")[1])
    bodies = []
    async for result in one.plugin["xep_0313"].iterate(with_jid=TWO, rsm={"max": 10}):
        bodies.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    assert bodies == ["hello <&> 会議"] + [f"number {n}" for n in range(25)], bodies
    step("archive in pages")


async def activity(one, two):
    one.plugin["xep_0163"].add_interest("http://jabber.org/protocol/activity")
    await one.plugin["xep_0115"].update_caps()
    one.send_presence()
    await one.plugin["xep_0199"].ping(ONE.split("@")[1])
    await two.plugin["xep_0108"].publish_activity("working", "writing", "a test")
    event = await one.wait("user_activity_publish", lambda m: m["from"].bare == TWO)
    value = event["pubsub_event"]["items"]["item"]["activity"]["value"]
    assert tuple(value) == ("working", "writing"), value
    step("personal eventing")


async def command(one, address):
    """A user opts out of the calendar, and in again, by the command at `address`."""
    commands = one.plugin["xep_0050"]
    listed = await commands.get_commands(address)
    assert [(str(jid), node) for jid, node, _ in listed["disco_items"]["items"]] == [(address, "calendar")], listed
    for before, after in ((True, False), (False, True)):
        asked = (await commands.send_command(address, "calendar"))["command"]
        assert asked["status"] == "executing" and "complete" in asked["actions"], asked
        form = asked["form"]
        assert form.get_values()["calendar"] is before, form
        form.reply()
        form["values"] = {"calendar": after}
        done = await commands.send_command(address, "calendar", action="complete", payload=form.xml, sessionid=asked["sessionid"])
        assert done["command"]["status"] == "completed" and done["command"]["notes"], done
    step("the calendar command at " + address)


async def search(one):
    """People are found where service discovery says, by the form that comes from there."""
    domain = ONE.split("@")[1]
    items = await one.plugin["xep_0030"].get_items(jid=domain, iterator=False)
    addresses = [str(item[0]) for item in items["disco_items"]["items"]]
    assert len(addresses) == 1, items
    info = await one.plugin["xep_0030"].get_info(jid=addresses[0])
    assert ("directory", "user") in [identity[:2] for identity in info["disco_info"]["identities"]], info
    iq = one.make_iq_get(ito=addresses[0])
    iq.enable("search")
    asked = await iq.send()
    form = asked["search"]["form"]
    assert "first" in form.get_fields() and form["instructions"], asked
    form.reply()
    form["values"] = {"FORM_TYPE": "jabber:iq:search", "x-text": TWO.split("@")[0].upper()}
    iq = one.make_iq_set(ito=addresses[0])
    iq.enable("search")
    iq["search"].append(form)
    found = (await iq.send())["search"]["form"]
    assert TWO in [item["jid"] for item in found.get_items()], found
    step("search for people")


async def resume(one, two):
    token = two.plugin["xep_0198"].sm_id
    assert token, "no id to resume with"
    two.transport.abort()
    await two.wait("disconnected")
    one.send_message(two.boundjid.full, "while you were away", mtype="chat")
    two.connect("127.0.0.1", PORT)
    await two.wait("session_resumed")
    await two.wait("message", lambda m: m["body"] == "while you were away")
    step("resume after a cut")


async def main():
    one = await Client(ONE + "/one", "SCRAM-SHA-256").sign_in()
    step("SCRAM-SHA-256")
    two = await Client(TWO + "/two").sign_in()
    other = await Client(TWO + "/other", "SCRAM-SHA-1").sign_in()
    await chat(one, two, other)
    await archive(one)
    await activity(one, two)
    for address in (ONE, ONE.split("@")[1]):
        await command(one, address)
    await search(one)
    await resume(one, two)
    for client in (one, two, other):
        client.disconnect()
        await client.wait("disconnected")
    print("done", flush=True)


asyncio.new_event_loop().run_until_complete(main())
