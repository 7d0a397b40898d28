"""An OpenID provider of a test, as far as access tokens go: describes itself, shows its keys, signs what it is told to.

Signatures and key sets are joserfc's (PyPI). Usage: provider.py PORT
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

PORT = int(sys.argv[1])
ISSUER = f"http://127.0.0.1:{PORT}"


def new_keys():
    keys = {
        "RS256": RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True),
        "ES256": ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True),
    }
    return keys


STATE = {"keys": new_keys(), "asked": 0, "down": False}


def sign(alg, claims):
    key = STATE["keys"][alg]
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": "at+jwt"}, claims, key)


def answer(path, query):
    if path == "/.well-known/openid-configuration":
        return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
    if path == "/keys":
        STATE["asked"] += 1
        return KeySet(list(STATE["keys"].values())).as_dict(private=False)
    if path == "/sign":
        return {"token": sign(query["alg"][0], json.loads(query["claims"][0]))}
    if path == "/rotate":
        STATE["keys"] = new_keys()
        return {}
    if path == "/down":
        STATE["down"] = query["is"][0] == "true"
        return {}
    if path == "/asked":
        return {"asked": STATE["asked"]}
    return None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        found = answer(url.path, parse_qs(url.query))
        down = STATE["down"] and url.path in ("/keys", "/.well-known/openid-configuration")
        body = json.dumps(found if found is not None else {}).encode()
        self.send_response(503 if down else 404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
