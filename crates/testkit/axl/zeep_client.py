"""zeep, a SOAP client that nobody here wrote, against the test server: it is made from the WSDL alone and strict about it.

Arguments: the service's address, user, password, version, authority (PEM). Prints one JSON object.
"""

import json
import sys
import tempfile
from pathlib import Path

import requests
import zeep
from zeep.transports import Transport

address, user, password, version, authority = sys.argv[1:6]
session = requests.Session()
session.auth, session.verify, session.trust_env = (user, password), authority, False
wsdl = Path(__file__).with_name("axl.wsdl").read_text(encoding="utf-8").replace("VERSION", version).replace("PLACE", address)
with tempfile.NamedTemporaryFile("w", suffix=".wsdl", encoding="utf-8") as file:
    file.write(wsdl)
    file.flush()
    client = zeep.Client(file.name, transport=Transport(session=session), settings=zeep.Settings(strict=True))
service = client.service

tags = {"userid": "", "lastName": "", "homeCluster": "", "imAndPresenceEnable": ""}
users, skip = [], 0
while True:
    page = service.listUser(searchCriteria={"userid": "%"}, returnedTags=tags, skip=skip, first=2)
    if page["return"] is None or not page["return"].user:
        break
    users += page["return"].user
    skip += len(page["return"].user)
first = service.getUser(uuid=users[0].uuid)["return"].user
try:
    service.getUser(userid="nobody")
    fault = None
except zeep.exceptions.Fault as error:
    fault = {"message": error.message, "code": error.detail.findtext(".//axlcode")}
here = service.listChange()
queue = here.queueInfo
again = service.listChange(startChangeId={"_value_1": queue.nextStartChangeId, "queueId": queue.queueId})
print(
    json.dumps(
        {
            "version": service.getCCMVersion()["return"].componentVersion.version,
            "users": [[row.userid, row.uuid, row.homeCluster, row.imAndPresenceEnable] for row in users],
            "first": [first.userid, first.displayName],
            "fault": fault,
            "changes": len(again.changes.change) if again.changes else 0,
        }
    )
)
