"""A Unified CM for tests, as far as AXL for users goes: small, but strict enough for foreign clients.

It knows getCCMVersion, listUser, getUser and listChange. Every request is checked against the schema in axl.wsdl, every
answer too. Versions are agreed on as documented (status 599), SOAPAction and namespace must name the same one.

Options are one JSON file: port, username, password, outsiders (accounts without the role), versions, users, max_rows,
page_changes, certificate and key. A user is a dictionary of tags, with `uuid` beside them; `raw` replaces the whole element.
POST /control with a JSON object changes things while it runs: `put` (a user), `remove` (a userid), `restart` (a new change
queue), `busy` (the next N requests) with `style` 503 or memory, `then` (a control object carried out after the next
listUser). GET /log gives what was asked, one object each.
"""

import base64
import json
import re
import ssl
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
AXL = "http://www.cisco.com/AXL/API/"
TAGS = [
    "firstName", "displayName", "lastName", "userid", "mailid", "department", "userLocale", "status", "homeCluster",
    "imAndPresenceEnable", "directoryUri", "telephoneNumber", "title", "mobileNumber", "homeNumber",
]
SUPPORTED = "<html><body>Incorrect axl version. Supported axl versions are {}</body></html>"
MEMORY = "Maximum AXL Memory Allocation Consumed. Please retry once requests in progress have completed"


class Fault(Exception):
    def __init__(self, code, text, status=500):
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


def schema(version):
    text = Path(__file__).with_name("axl.wsdl").read_text(encoding="utf-8").replace("VERSION", version)
    definitions = etree.fromstring(text.encode())
    return etree.XMLSchema(definitions.find(".//{http://www.w3.org/2001/XMLSchema}schema"))


def child_text(element, name):
    found = element.find(name)
    return None if found is None else (found.text or "").strip()


class Cluster:
    def __init__(self, options):
        self.options = options
        self.schemas = {version: schema(version) for version in options["versions"]}
        self.users = {}
        self.lock = threading.Lock()
        self.log, self.then, self.busy = [], None, {"busy": 0, "style": "503"}
        self.restart()
        for user in options["users"]:
            self.put(user)
        self.changes = []

    def restart(self):
        self.queue, self.changes = uuid.uuid4().hex, []

    def put(self, user):
        known = self.users.get(user["userid"])
        user.setdefault("uuid", known["uuid"] if known else "{%s}" % str(uuid.uuid4()).upper())
        self.users[user["userid"]] = user
        self.changes.append(("u" if known else "a", user["uuid"]))

    def control(self, wish):
        if "put" in wish:
            self.put(wish["put"])
        if "remove" in wish:
            self.changes.append(("r", self.users.pop(wish["remove"])["uuid"]))
        if wish.get("restart"):
            self.restart()
        if "busy" in wish:
            self.busy.update(wish)
        if "then" in wish:
            self.then = wish["then"]

    def get_ccm_version(self, _request, _version):
        return "<return><componentVersion><version>%s.1.10000-1</version></componentVersion></return>" % max(self.schemas, key=float)

    def list_user(self, request, version):
        pattern = child_text(request, "searchCriteria/userid")
        # The only wildcard is %.
        wanted = re.compile("".join(".*" if c == "%" else re.escape(c) for c in pattern), re.IGNORECASE | re.DOTALL)
        users = [user for name, user in sorted(self.users.items()) if wanted.fullmatch(name)]
        skip, first = int(child_text(request, "skip") or 0), int(child_text(request, "first") or len(users))
        page = users[skip : skip + first]
        most = self.options.get("max_rows", 0)
        if most and len(page) > most:
            raise Fault(-1, f"Query request too large. Total rows matched: {len(users)} rows. Suggestive Row Fetch: less than {most} rows")
        tags = [tag.tag for tag in request.find("returnedTags")]
        if float(version) >= 12.5 and "displayName" in tags:
            raise Fault(-1, "The element displayName is not expected in LUser")
        then, self.then = self.then, None
        if then:
            self.control(then)
        return "<return>%s</return>" % "".join(self.user_xml(user, tags) for user in page)

    def get_user(self, request, _version):
        key, name = child_text(request, "uuid"), child_text(request, "userid")
        key = key and key.strip("{}").upper()
        for user in self.users.values():
            if user["userid"] == name or (key and user["uuid"].strip("{}").upper() == key):
                tags = request.find("returnedTags")
                return "<return>%s</return>" % self.user_xml(user, TAGS if tags is None else [tag.tag for tag in tags])
        raise Fault(5007, "Item not valid: The specified User was not found")

    def list_change(self, request, _version):
        start = request.find("startChangeId")
        last = len(self.changes)
        if start is None:
            return self.changes_xml(last + 1, last + 1, [])
        first = int(start.text)
        if start.get("queueId") != self.queue or first > last + 1:
            raise Fault(5007, "Item not valid: The specified queueId is not valid")
        after = min(last + 1, first + self.options.get("page_changes", 100))
        return self.changes_xml(first, after, self.changes[first - 1 : after - 1])

    def changes_xml(self, first, after, changes):
        rows = "".join(
            f'<change type="User" uuid="{key}"><id>{first + i}</id><action>{action}</action><doGet>{"false" if action == "r" else "true"}</doGet></change>'
            for i, (action, key) in enumerate(changes)
        )
        return (
            f"<queueInfo><firstChangeId>1</firstChangeId><lastChangeId>{len(self.changes)}</lastChangeId>"
            f"<nextStartChangeId>{after}</nextStartChangeId><queueId>{self.queue}</queueId></queueInfo><changes>{rows}</changes>"
        )

    @staticmethod
    def user_xml(user, tags):
        if "raw" in user:
            return user["raw"]
        values = "".join(f"<{tag}>{escape(user.get(tag, ''))}</{tag}>" for tag in TAGS if tag in tags)
        return f'<user uuid="{user["uuid"]}">{values}</user>'

    def answer(self, body, action):
        """The answer's status and text, for a request of an account that is let in."""
        envelope = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        request = envelope.find(f"{{{SOAP}}}Body")[0]
        name = etree.QName(request)
        version = (name.namespace or "").removeprefix(AXL)
        if version not in self.schemas or f"ver={version}" not in action:
            return 599, SUPPORTED.format(", ".join(self.schemas))
        self.log.append({"operation": name.localname, "version": version, "body": etree.tostring(request).decode()})
        try:
            inside = self.operation(name.localname, request, version)
        except Fault as fault:
            return fault.status, fault_xml(fault, name.localname)
        answer = f'<n:{name.localname}Response xmlns:n="{AXL}{version}">{inside}</n:{name.localname}Response>'
        if not any("raw" in user for user in self.users.values()):
            self.schemas[version].assertValid(etree.fromstring(answer.encode()))
        return 200, envelope_xml(answer)

    def operation(self, name, request, version):
        if self.busy["busy"] > 0:
            self.busy["busy"] -= 1
            raise Fault(-1, MEMORY, 503 if self.busy["style"] == "503" else 500)
        if not self.schemas[version].validate(request):
            raise Fault(-1, f"the request is not valid: {self.schemas[version].error_log.last_error}")
        known = {"getCCMVersion": self.get_ccm_version, "listUser": self.list_user, "getUser": self.get_user, "listChange": self.list_change}
        return known[name](request, version)


def envelope_xml(inside):
    return f'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="{SOAP}"><e:Body>{inside}</e:Body></e:Envelope>'


def fault_xml(fault, operation):
    text = escape(fault.text)
    return envelope_xml(
        f"<e:Fault><faultcode>e:Server</faultcode><faultstring>{text}</faultstring><detail><axlError><axlcode>{fault.code}</axlcode>"
        f"<axlmessage>{text}</axlmessage><request>{operation}</request></axlError></detail></e:Fault>"
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cluster = None

    def log_message(self, *_):
        pass

    def reply(self, status, text, content_type="text/xml;charset=UTF-8", **headers):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/log":
            self.reply(200, json.dumps(self.cluster.log), "application/json")
        elif self.path.rstrip("/") == "/axl" and self.let_in():
            self.reply(200, "<html><body>AXL</body></html>", "text/html")
        elif self.path.rstrip("/") != "/axl":
            self.reply(404, "", "text/html")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/control":
            with self.cluster.lock:
                self.cluster.control(json.loads(body))
            self.reply(200, "{}", "application/json")
        elif self.path.rstrip("/") != "/axl":
            self.reply(404, "", "text/html")
        elif self.let_in():
            with self.cluster.lock:
                status, text = self.cluster.answer(body, self.headers.get("SOAPAction", ""))
            self.reply(status, text, **({"Retry_After": "0"} if status in (500, 503) else {}))

    def let_in(self):
        """True when the account may use AXL; otherwise the request has been answered."""
        options = self.cluster.options
        given = self.headers.get("Authorization", "")
        account = lambda name: "Basic " + base64.b64encode(f"{name}:{options['password']}".encode()).decode()
        if given == account(options["username"]):
            return True
        self.cluster.log.append({"operation": "refused"})
        if any(given == account(name) for name in options["outsiders"]):
            self.reply(403, "<html/>", "text/html")
        else:
            self.reply(401, "<html/>", "text/html", WWW_Authenticate='Basic realm="AXL"')
        return False


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        options = json.load(file)
    Handler.cluster = Cluster(options)
    server = ThreadingHTTPServer(("127.0.0.1", options["port"]), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["certificate"], options["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
