"""An Exchange Web Services server for tests: small, but real enough for foreign clients.

It signs clients in by Basic or NTLM (pyspnego's acceptor), keeps calendars in memory, and answers ConvertId, GetFolder,
FindItem with CalendarView, GetItem, CreateItem (with recurrence), DeleteItem, GetServerTimeZones and GetUserAvailability. The limits that
Microsoft documents are enforced: 100 mailboxes and 42 days for GetUserAvailability, 1000 items and two years for a calendar view.

Options are one JSON file (see `Server.__init__`). POST /control with a JSON object changes the behaviour while it runs:
`{"busy": N, "style": "fault"|"503"|"hidden", "backoff": ms}` throttles the next N requests.
GET /log gives the operations seen so far, one JSON object each.
"""

import base64
import hashlib
import json
import os
import re
import ssl
import sys
import threading
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import spnego
from lxml import etree
from spnego.channel_bindings import GssChannelBindings

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
E = "http://schemas.microsoft.com/exchange/services/2006/errors"
NS = {"s": SOAP, "m": M, "t": T}

MAX_MAILBOXES = 100
MAX_DAYS = 42
MAX_ITEMS = 1000
DIGITS = {"Free": 0, "Tentative": 1, "Busy": 2, "OOF": 3, "NoData": 4, "WorkingElsewhere": 0}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class Refusal(Exception):
    """Becomes a response message of class Error."""

    def __init__(self, code, text=""):
        super().__init__(code)
        self.code, self.text = code, text or code


def when(text, offset=timezone.utc):
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.strip()).replace("Z", "+00:00")
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=offset)
    return parsed.astimezone(timezone.utc)


def stamp(moment):
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_of(element, path, default=None):
    found = element.find(path, NS)
    return default if found is None or found.text is None else found.text.strip()


class Item:
    def __init__(self, element):
        self.id = uuid.uuid4().hex
        self.subject = text_of(element, "t:Subject", "")
        self.start = when(text_of(element, "t:Start"))
        self.end = when(text_of(element, "t:End"))
        self.status = text_of(element, "t:LegacyFreeBusyStatus", "Busy")
        self.recurrence = element.find("t:Recurrence", NS)

    def occurrences(self, start, end):
        """(start, end) of each occurrence that ends after `start` and starts before `end`."""
        length = self.end - self.start
        for first in self.starts(end):
            if first < end and first + length > start:
                yield first, first + length

    def starts(self, end):
        if self.recurrence is None:
            yield self.start
            return
        numbered = text_of(self.recurrence, "t:NumberedRecurrence/t:NumberOfOccurrences")
        left = int(numbered) if numbered else 10_000
        last = text_of(self.recurrence, "t:EndDateRecurrence/t:EndDate")
        last_day = datetime.fromisoformat(last[:10]).date() if last else end.date()
        moment = self.start
        while left > 0 and moment < end and moment.date() <= last_day:
            if self.falls_on(moment):
                left -= 1
                yield moment
            moment += timedelta(days=1)

    def falls_on(self, moment):
        daily = self.recurrence.find("t:DailyRecurrence", NS)
        if daily is not None:
            return (moment - self.start).days % int(text_of(daily, "t:Interval", "1")) == 0
        weekly = self.recurrence.find("t:WeeklyRecurrence", NS)
        if weekly is None:
            raise Refusal("ErrorInvalidRecurrence", "this test server knows daily and weekly only")
        weeks = (moment.date() - self.start.date() + timedelta(days=self.start.weekday())).days // 7
        days = text_of(weekly, "t:DaysOfWeek", "").split()
        return weeks % int(text_of(weekly, "t:Interval", "1")) == 0 and DAYS[moment.weekday()] in days


class Server:
    def __init__(self, options):
        self.domain = options.get("domain", "EX")
        self.username = options["username"]
        self.password = options["password"]
        self.schemes = options.get("schemes", ["NTLM", "Basic"])
        # Every address with a mailbox, and what goes wrong with it: "", "denied", "merged", "nodata".
        self.mailboxes = {address: {"trouble": trouble, "items": []} for address, trouble in options["mailboxes"].items()}
        self.require_binding = options.get("require_binding", False)
        self.leaf = options.get("certificate")
        self.busy = {"busy": 0, "style": "fault", "backoff": None}
        self.log = []
        self.lock = threading.Lock()
        if "NTLM" in self.schemes:
            path = os.path.join(options["dir"], "ntlm-users")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"{self.domain}:{self.username}:{self.password}\n")
            os.environ["NTLM_USER_FILE"] = path

    def binding(self):
        der = ssl.PEM_cert_to_DER_cert(first_certificate(self.leaf))
        return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())

    def box(self, address):
        box = self.mailboxes.get((address or "").lower())
        if box is None:
            raise Refusal("ErrorNonExistentMailbox", f"no mailbox {address}")
        return box

    # Operations: each gets the request element and the SOAP header, and returns the body of the answer.

    def convert_id(self, request, header):
        return message("ConvertId", Refusal("ErrorInvalidIdMalformed"))

    def get_server_time_zones(self, request, header):
        zone = (
            '<t:TimeZoneDefinition Id="UTC" Name="(UTC) Coordinated Universal Time"><t:Periods>'
            '<t:Period Bias="PT0S" Name="Standard" Id="trule:Microsoft/Registry/UTC/1-Standard"/></t:Periods>'
            '<t:TransitionsGroups><t:TransitionsGroup Id="0"><t:Transition>'
            '<t:To Kind="Period">trule:Microsoft/Registry/UTC/1-Standard</t:To></t:Transition></t:TransitionsGroup>'
            '</t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions>'
            "</t:TimeZoneDefinition>"
        )
        return message("GetServerTimeZones", f"<m:TimeZoneDefinitions>{zone}</m:TimeZoneDefinitions>")

    def impersonated(self, header):
        if header is None:
            return None
        for sid in ("PrimarySmtpAddress", "SmtpAddress", "PrincipalName"):
            found = text_of(header, f"t:ExchangeImpersonation/t:ConnectingSID/t:{sid}")
            if found:
                if self.box(found)["trouble"] == "denied":
                    raise Refusal("ErrorImpersonateUserDenied", "no right to impersonate")
                return found
        return None

    def folder_owner(self, element, header):
        """The mailbox of a FolderId or DistinguishedFolderId, and which folder of it."""
        found = element.find(".//t:FolderId", NS)
        if found is not None:
            folder, owner = found.get("Id").split(":", 1)
            return owner, folder
        found = element.find(".//t:DistinguishedFolderId", NS)
        owner = text_of(found, "t:Mailbox/t:EmailAddress") or self.impersonated(header)
        return owner, found.get("Id")

    def get_folder(self, request, header):
        owner, folder = self.folder_owner(request.find("m:FolderIds", NS), header)
        self.box(owner)
        if folder == "calendar":
            kind, folder_class = "CalendarFolder", "IPF.Appointment"
        elif folder == "root":
            kind, folder_class = "Folder", "IPF.Root"
        else:
            raise Refusal("ErrorFolderNotFound")
        body = (
            f'<m:Folders><t:{kind}><t:FolderId Id="{folder}:{escape(owner)}" ChangeKey="AQ=="/>'
            f'<t:ParentFolderId Id="root:{escape(owner)}" ChangeKey="AQ=="/><t:FolderClass>{folder_class}</t:FolderClass>'
            f"<t:DisplayName>{folder}</t:DisplayName><t:TotalCount>0</t:TotalCount><t:ChildFolderCount>0</t:ChildFolderCount>"
            f"</t:{kind}></m:Folders>"
        )
        return message("GetFolder", body)

    def find_item(self, request, header):
        owner, folder = self.folder_owner(request.find("m:ParentFolderIds", NS), header)
        box = self.box(owner)
        if box["trouble"] == "denied":
            raise Refusal("ErrorAccessDenied", "access is denied")
        view = request.find("m:CalendarView", NS)
        if folder != "calendar":
            raise Refusal("ErrorCalendarFolderIsInvalidForCalendarView")
        if view is None:
            raise Refusal("ErrorInvalidOperation", "this test server answers calendar views only")
        start, end = when(view.get("StartDate")), when(view.get("EndDate"))
        if end < start:
            raise Refusal("ErrorCalendarEndDateIsEarlierThanStartDate")
        if end - start > timedelta(days=731):
            raise Refusal("ErrorCalendarViewRangeTooBig")
        limit = min(int(view.get("MaxEntriesReturned", MAX_ITEMS)), MAX_ITEMS)
        found = sorted(((s, e, item) for item in box["items"] for s, e in item.occurrences(start, end)), key=lambda f: f[0])
        shown = "".join(item_xml(item, s, e) for s, e, item in found[:limit])
        all_in = str(len(found) <= limit).lower()
        root = f'<m:RootFolder TotalItemsInView="{len(found)}" IncludesLastItemInRange="{all_in}"><t:Items>{shown}</t:Items></m:RootFolder>'
        return message("FindItem", root)

    def get_item(self, request, header):
        messages = []
        for wanted in request.iterfind("m:ItemIds/t:ItemId", NS):
            item = self.item(wanted.get("Id"))[1]
            messages.append(f"<m:Items>{item_xml(item, item.start, item.end)}</m:Items>")
        return message("GetItem", *messages)

    def create_item(self, request, header):
        owner, _ = self.folder_owner(request.find("m:SavedItemFolderId", NS), header)
        box = self.box(owner)
        messages = []
        for element in request.iterfind("m:Items/t:CalendarItem", NS):
            item = Item(element)
            with self.lock:
                box["items"].append(item)
            messages.append(f'<m:Items><t:CalendarItem><t:ItemId Id="{item.id}" ChangeKey="AQ=="/></t:CalendarItem></m:Items>')
        return message("CreateItem", *messages)

    def item(self, wanted):
        for box in self.mailboxes.values():
            for item in box["items"]:
                if item.id == wanted:
                    return box, item
        raise Refusal("ErrorItemNotFound")

    def delete_item(self, request, header):
        messages = []
        for wanted in request.iterfind("m:ItemIds/t:ItemId", NS):
            box, item = self.item(wanted.get("Id"))
            with self.lock:
                box["items"].remove(item)
            messages.append("")
        return message("DeleteItem", *messages)

    def get_user_availability_request(self, request, header):
        zone = request.find("t:TimeZone", NS)
        if zone is None:
            raise Refusal("ErrorTimeZone", "a time zone is required")
        offset = timezone(timedelta(minutes=-int(text_of(zone, "t:Bias"))))
        mailboxes = request.findall("m:MailboxDataArray/t:MailboxData", NS)
        if len(mailboxes) > MAX_MAILBOXES:
            raise Refusal("ErrorMailboxDataArrayTooBig")
        options = request.find("t:FreeBusyViewOptions", NS)
        start = when(text_of(options, "t:TimeWindow/t:StartTime"), offset)
        end = when(text_of(options, "t:TimeWindow/t:EndTime"), offset)
        if end - start > timedelta(days=MAX_DAYS):
            raise Refusal("ErrorTimeIntervalTooBig")
        step = int(text_of(options, "t:MergedFreeBusyIntervalInMinutes", "30"))
        if not 5 <= step <= 1440:
            raise Refusal("ErrorInvalidMergedFreeBusyInterval")
        answers = ""
        for mailbox in mailboxes:
            try:
                answers += self.free_busy(text_of(mailbox, "t:Email/t:Address"), start, end, step, offset)
            except Refusal as refusal:
                answers += f"<m:FreeBusyResponse>{response_message(refusal)}</m:FreeBusyResponse>"
        return f"<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>{answers}</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>"

    def free_busy(self, address, start, end, step, offset):
        box = self.mailboxes.get((address or "").lower())
        if box is None:
            raise Refusal("ErrorMailRecipientNotFound", f"no mailbox {address}")
        if box["trouble"] == "denied":
            raise Refusal("ErrorNoFreeBusyAccess", "no access")
        spans = sorted((s, e, item.status) for item in box["items"] for s, e in item.occurrences(start, end))
        minutes = timedelta(minutes=step)
        digits, moment = "", start
        while moment < end:
            inside = [DIGITS[k] for s, e, k in spans if s < moment + minutes and e > moment]
            digits += str(max(inside, default=0))
            moment += minutes
        if box["trouble"] == "nodata":
            digits = "4" * len(digits)
        bare = lambda moment: moment.astimezone(offset).strftime("%Y-%m-%dT%H:%M:%S")
        events = "".join(
            f"<t:CalendarEvent><t:StartTime>{bare(s)}</t:StartTime><t:EndTime>{bare(e)}</t:EndTime>"
            f"<t:BusyType>{k}</t:BusyType></t:CalendarEvent>"
            for s, e, k in spans
        )
        view, events = ("MergedOnly", "") if box["trouble"] in ("merged", "nodata") else ("FreeBusyMerged", events)
        events = f"<t:CalendarEventArray>{events}</t:CalendarEventArray>" if events else ""
        hours = (
            "<t:WorkingHours><t:TimeZone><t:Bias>0</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time>"
            "<t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime>"
            "<t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday"
            "</t:DayOfWeek></t:DaylightTime></t:TimeZone><t:WorkingPeriodArray><t:WorkingPeriod><t:DayOfWeek>Monday Tuesday"
            "</t:DayOfWeek><t:StartTimeInMinutes>480</t:StartTimeInMinutes><t:EndTimeInMinutes>1020</t:EndTimeInMinutes>"
            "</t:WorkingPeriod></t:WorkingPeriodArray></t:WorkingHours>"
        )
        return (
            '<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
            f"</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>{view}</t:FreeBusyViewType>"
            f"<t:MergedFreeBusy>{digits}</t:MergedFreeBusy>{events}{hours}</m:FreeBusyView></m:FreeBusyResponse>"
        )


def first_certificate(path):
    with open(path, encoding="ascii") as file:
        return file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"


def item_xml(item, start, end):
    kind = "Single" if item.recurrence is None else "Occurrence"
    return (
        f'<t:CalendarItem><t:ItemId Id="{item.id}" ChangeKey="AQ=="/><t:ItemClass>IPM.Appointment</t:ItemClass>'
        f"<t:Subject>{escape(item.subject)}</t:Subject><t:Start>{stamp(start)}</t:Start><t:End>{stamp(end)}</t:End>"
        f"<t:LegacyFreeBusyStatus>{item.status}</t:LegacyFreeBusyStatus><t:IsCancelled>false</t:IsCancelled>"
        f"<t:CalendarItemType>{kind}</t:CalendarItemType></t:CalendarItem>"
    )


def response_message(refusal, name="ResponseMessage"):
    return (
        f'<m:{name} ResponseClass="Error"><m:MessageText>{escape(refusal.text)}</m:MessageText>'
        f"<m:ResponseCode>{refusal.code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:{name}>"
    )


def message(operation, *contents):
    name = f"{operation}ResponseMessage"
    messages = ""
    for content in contents:
        if isinstance(content, Refusal):
            messages += response_message(content, name)
        else:
            messages += f'<m:{name} ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{content}</m:{name}>'
    return f"<m:{operation}Response><m:ResponseMessages>{messages}</m:ResponseMessages></m:{operation}Response>"


def envelope(body):
    version = f'<t:ServerVersionInfo MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="27" Version="V2017_07_11"/>'
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:m="{M}" xmlns:t="{T}">'
        f"<s:Header>{version}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def busy_fault(backoff):
    hint = "" if backoff is None else f'<t:MessageXml><t:Value Name="BackOffMilliseconds">{backoff}</t:Value></t:MessageXml>'
    return (
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>The server cannot service this request right now.</faultstring>"
        f'<detail><e:ResponseCode xmlns:e="{E}">ErrorServerBusy</e:ResponseCode>'
        f'<e:Message xmlns:e="{E}">The server cannot service this request right now. Try again later.</e:Message>{hint}</detail></s:Fault>'
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    ews = None
    acceptor = None
    signed_in = False

    def log_message(self, *_):
        pass

    def reply(self, status, body, content_type="text/xml; charset=utf-8", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/log":
            self.reply(200, json.dumps(self.ews.log).encode(), "application/json")
        else:
            self.reply(404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/control":
            self.ews.busy.update(json.loads(body))
            self.reply(200, b"{}", "application/json")
        elif self.path.lower() != "/ews/exchange.asmx":
            self.reply(404, b"")
        elif self.let_in():
            self.answer(body)

    def let_in(self):
        """True when the request may go on; otherwise it has been answered."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if self.signed_in and not token:
            return True
        if kind == "Basic" and "Basic" in self.ews.schemes:
            user, _, password = base64.b64decode(token).decode().partition(":")
            names = (self.ews.username, f"{self.ews.domain}\\{self.ews.username}")
            if user in names and password == self.ews.password:
                return True
        if kind in ("NTLM", "Negotiate") and "NTLM" in self.ews.schemes:
            return self.ntlm(base64.b64decode(token))
        self.unauthorized([(s, 'Basic realm="EWS"' if s == "Basic" else s) for s in self.ews.schemes])
        return False

    def unauthorized(self, offers):
        self.ews.log.append({"operation": "401"})
        self.reply(401, b"", headers=[("WWW-Authenticate", offer) for _, offer in offers])

    def ntlm(self, token):
        if token[8:12] == b"\x01\x00\x00\x00":
            bindings = self.ews.binding() if self.ews.require_binding else None
            self.acceptor = spnego.server(protocol="ntlm", channel_bindings=bindings)
        if self.acceptor is None:
            self.unauthorized([("NTLM", "NTLM")])
            return False
        try:
            answer = self.acceptor.step(token)
        except Exception as error:
            print("NTLM refused:", error, flush=True)
            self.acceptor = None
            self.unauthorized([("NTLM", "NTLM")])
            return False
        if self.acceptor.complete:
            self.signed_in, self.acceptor = True, None
            return True
        self.unauthorized([("NTLM", "NTLM " + base64.b64encode(answer).decode())])
        return False

    def throttled(self):
        busy = self.ews.busy
        if busy["busy"] <= 0:
            return False
        busy["busy"] -= 1
        self.ews.log.append({"operation": "busy"})
        if busy["style"] == "503":
            self.reply(503, b"<html>busy</html>", "text/html", [("Retry-After", "7")])
        elif busy["style"] == "hidden":
            hidden = busy_fault(busy["backoff"]).replace("ErrorServerBusy", "ErrorInternalServerError")
            self.reply(200, envelope(hidden))
        else:
            self.reply(500, envelope(busy_fault(busy["backoff"])))
        return True

    def answer(self, body):
        if self.throttled():
            return
        try:
            root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
            request = root.find("s:Body", NS)[0]
        except (etree.XMLSyntaxError, IndexError, TypeError):
            self.reply(400, b"")
            return
        name = etree.QName(request).localname
        header = root.find("s:Header", NS)
        entry = {"operation": name, "mailboxes": len(request.findall("m:MailboxDataArray/t:MailboxData", NS))}
        entry["anchor"] = self.headers.get("X-AnchorMailbox")
        self.ews.log.append(entry)
        method = getattr(self.ews, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(), None)
        if method is None:
            self.reply(500, envelope("<s:Fault><faultcode>s:Client</faultcode><faultstring>unknown operation</faultstring></s:Fault>"))
            return
        try:
            result = method(request, header)
        except Refusal as refusal:
            if name == "GetUserAvailabilityRequest":
                array = response_message(refusal)
                result = f"<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray><m:FreeBusyResponse>{array}</m:FreeBusyResponse></m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>"
            else:
                result = message(name, refusal)
        self.reply(200, envelope(result))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        options = json.load(file)
    Handler.ews = Server(options)
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", options["port"]), Handler)
    if options.get("certificate"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"], options["key"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


main()
