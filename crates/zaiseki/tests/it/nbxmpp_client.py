"""Gajim's library against a node: sign-in, server's features, roster, bookmarks, nickname, message, archive, resumption.

Arguments: port, file of the server's certificate, bare JID, password. Prints a line per step and "done". Run by the system's
Python, which has GLib. Every wait has a deadline.
"""

import sys
import time

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib
from nbxmpp.client import Client
from nbxmpp.const import ConnectionProtocol, ConnectionType
from nbxmpp.protocol import JID, Message
from nbxmpp.structs import BookmarkData, StanzaHandler

PORT, CERTIFICATE, OWN, PASSWORD = sys.argv[1:5]
DEADLINE = 15
TEXT = "hello <&> 会議"
ROOM = "room@conference.example"


def until(what, condition):
    """Runs GLib's loop until the condition holds."""
    end = time.monotonic() + DEADLINE
    context = GLib.MainContext.default()
    tick = GLib.timeout_add(100, lambda: True)
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        context.iteration(True)
    GLib.source_remove(tick)


def answer(request, *args, **kwargs):
    """The result of one of the library's requests; raises its error. The library forgets both after the callback."""
    outcomes = []

    def done(task):
        try:
            outcomes.append((task.finish(), None))
        except Exception as error:
            outcomes.append((None, error))

    request(*args, callback=done, **kwargs)
    until(request.__name__, lambda: outcomes)
    result, error = outcomes[0]
    if error is not None:
        raise error
    return result


def step(name):
    print("ok:", name, flush=True)


class Session:
    def __init__(self):
        self.signals, self.bodies, self.archived = [], [], []
        user, domain = OWN.split("@")
        self.client = client = Client(log_context="test")
        client.set_username(user)
        client.set_domain(domain)
        client.set_resource("gajim")
        client.set_password(PASSWORD)
        client.set_custom_host(f"127.0.0.1:{PORT}", ConnectionProtocol.TCP, ConnectionType.START_TLS)
        client.set_accepted_certificates([Gio.TlsCertificate.new_from_file(CERTIFICATE)])
        for signal in ("connected", "connection-failed", "disconnected", "resume-failed", "resume-successful"):
            client.subscribe(signal, lambda _client, name, *_: self.signals.append(name))
        client.register_handler(StanzaHandler(name="message", callback=self.on_message))

    def on_message(self, _client, stanza, properties):
        if properties.is_mam_message:
            self.archived.append(properties.body)
        elif properties.body:
            self.bodies.append(properties.body)

    def connect(self, wanted):
        self.signals.clear()
        self.client.connect()
        until(wanted, lambda: self.signals)
        assert self.signals[0] == wanted, (self.signals, self.client.get_error())

    def send(self, text):
        self.client.send_stanza(Message(to=f"{OWN}/gajim", body=text, typ="chat"))


def main():
    session = Session()
    session.connect("connected")
    module = session.client.get_module
    step("sign-in")
    features = answer(module("Discovery").disco_info, JID.from_string(OWN.split("@")[1])).features
    assert "urn:xmpp:ping" in features, features
    answer(module("Roster").set_item, JID.from_string("hanako@localhost"), "花子", ["Office"])
    roster = answer(module("Roster").request_roster)
    assert [(str(item.jid), item.name) for item in roster.items] == [("hanako@localhost", "花子")], roster
    step("features and roster")
    answer(module("NativeBookmarks").store_bookmarks, [BookmarkData(jid=JID.from_string(ROOM), name="会議室", autojoin=True)])
    bookmarks = answer(module("NativeBookmarks").request_bookmarks)
    assert [(str(room.jid), room.name) for room in bookmarks] == [(ROOM, "会議室")], bookmarks
    answer(module("Nickname").set_nickname, "花ちゃん", public=True)
    step("bookmarks and nickname")
    session.send(TEXT)
    until("the message", lambda: session.bodies == [TEXT])
    answer(module("MAM").make_query, JID.from_string(OWN), queryid="q", max_=10)
    until("the archive", lambda: session.archived == [TEXT])
    step("message and archive")
    session.client.disconnect(immediate=True)
    until("the cut", lambda: "disconnected" in session.signals)
    session.connect("resume-successful")
    session.send("again")
    until("a message after the resumption", lambda: "again" in session.bodies)
    step("resume after a cut")
    session.signals.clear()
    session.client.disconnect()
    until("sign-off", lambda: "disconnected" in session.signals)
    print("done", flush=True)


main()
