"""An OpenID provider of a test: describes itself, shows its keys, signs what it is told to, and exchanges any code for the token that
the test has prepared, for the client `console` whose proof of the code (PKCE) fits.

Signatures and key sets are joserfc's (PyPI). Usage: provider.py PORT
"""

import base64
import hashlib
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


STATE = {"keys": new_keys(), "asked": 0, "down": False, "next": None}


def sign(alg, claims, typ="at+jwt"):
    key = STATE["keys"][alg]
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": typ}, claims, key)


def exchange(form, authorization):
    """The token endpoint: a status and a body."""
    if not authorization.startswith("Basic ") or not base64.b64decode(authorization[6:]).startswith(b"console:"):
        return 401, {"error": "invalid_client"}
    token, challenge = STATE["next"]
    digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge or form["grant_type"] != ["authorization_code"]:
        return 400, {"error": "invalid_grant"}
    return 200, {"id_token": token, "access_token": "x", "token_type": "Bearer"}


def answer(path, query):
    if path == "/.well-known/openid-configuration":
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/keys",
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "authorization_response_iss_parameter_supported": True,
        }
    if path == "/keys":
        STATE["asked"] += 1
        return KeySet(list(STATE["keys"].values())).as_dict(private=False)
    if path == "/sign":
        return {"token": sign(query["alg"][0], json.loads(query["claims"][0]))}
    if path == "/next":
        token = sign(query["alg"][0], json.loads(query["claims"][0]), "JWT")
        STATE["next"] = (token, query["challenge"][0])
        return {}
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
        self.answer_with(url, found)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, body = exchange(form, self.headers.get("Authorization", ""))
        self.write(503 if STATE["down"] else status, body)

    def answer_with(self, url, found):
        down = STATE["down"] and url.path in ("/keys", "/.well-known/openid-configuration")
        self.write(503 if down else 404 if found is None else 200, found if found is not None else {})

    def write(self, status, said):
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
