"""The foreign judge: exchangelib, a widely used EWS client, against the test server.

Arguments: URL USER PASSWORD basic|ntlm MAILBOX START END [create]
With `create` it puts events into the mailbox first (and deletes one again). Prints as JSON what it reads back: the server's version,
the calendar view, and the free/busy information.
"""

import json
import sys
from datetime import datetime, timedelta

from exchangelib import BASIC, IMPERSONATION, NTLM, UTC, Account, CalendarItem, Configuration, Credentials, EWSDateTime
from exchangelib.protocol import BaseProtocol, NoVerifyHTTPAdapter
from exchangelib.recurrence import DailyPattern, Recurrence


def moment(text):
    return EWSDateTime.from_datetime(datetime.fromisoformat(text.replace("Z", "+00:00"))).astimezone(UTC)


def create(account, start):
    def add(subject, hours, minutes, status, **more):
        first = start + timedelta(hours=hours)
        item = CalendarItem(
            account=account, folder=account.calendar, subject=subject, start=first, end=first + timedelta(minutes=minutes),
            legacy_free_busy_status=status, **more,
        )
        item.save()
        return item

    add("Budget 予算", 1, 60, "Busy")
    add("next to it", 2, 30, "Busy")
    add("perhaps", 4, 60, "Tentative")
    add("away", 6, 90, "OOF")
    add("lunch", 8, 30, "Free")
    first = start + timedelta(hours=10)
    every_day = Recurrence(pattern=DailyPattern(interval=1), start=first.date(), number=3)
    add("stand-up", 10, 15, "Busy", recurrence=every_day)
    add("deleted again", 12, 60, "Busy").delete()


def main():
    url, user, password, auth, mailbox, start, end = sys.argv[1:8]
    BaseProtocol.HTTP_ADAPTER_CLS = NoVerifyHTTPAdapter
    config = Configuration(
        service_endpoint=url, credentials=Credentials(user, password), auth_type={"basic": BASIC, "ntlm": NTLM}[auth]
    )
    account = Account(mailbox, config=config, autodiscover=False, access_type=IMPERSONATION, default_timezone=UTC)
    start, end = moment(start), moment(end)
    if sys.argv[8:] == ["create"]:
        create(account, start)
    view = [
        [item.start.isoformat(), item.end.isoformat(), item.legacy_free_busy_status]
        for item in account.calendar.view(start=start, end=end).only("start", "end", "legacy_free_busy_status")
    ]
    busy = []
    for info in account.protocol.get_free_busy_info([(account, "Required", False)], start, end, requested_view="FreeBusyMerged"):
        for event in info.calendar_events or []:
            busy.append([event.start.isoformat(), event.end.isoformat(), event.busy_type])
    print(json.dumps({"version": str(account.version), "view": view, "busy": busy}))


main()
