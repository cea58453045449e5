"""A small OpenID Connect provider on 127.0.0.1: discovery, authorize, token with a signed id_token, keys.

It asks for no password: its attribute `person` says who logs in next. Codes are good for one use, and the redirect
address is checked.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "golden-layers", "not-a-secret"


class Provider:
    """One issuer with one key."""

    def __init__(self, redirect: str) -> None:
        self.redirect, self.person, self.issuer = redirect, "ann", ""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, tuple[str, str]] = {}  # (person, nonce)

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        n, e = (_text(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.n, numbers.e))
        return {"keys": [{"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": n, "e": e}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes from here."""
        assert asked["redirect_uri"] == self.redirect
        assert asked["client_id"] == CLIENT
        code = secrets.token_hex(8)
        self.codes[code] = (self.person, asked.get("nonce", ""))
        return f"{self.redirect}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str]) -> dict[str, Any]:
        person, nonce = self.codes.pop(asked["code"])
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": person, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": nonce}
        head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
        signed = ".".join(_text(json.dumps(part).encode()) for part in (head, claims))
        seal = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "access_token": "none",
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": f"{signed}.{_text(seal)}",
        }


@contextmanager
def running_provider(redirect: str) -> Iterator[Provider]:
    """A provider for the app whose callback is at `redirect`."""
    provider = Provider(redirect)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            where = urlsplit(self.path)
            if where.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(_first(where.query)))
                self.end_headers()
                return
            pages = {"/.well-known/openid-configuration": provider.discovery, "/keys": provider.keys}
            self._say(pages[where.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(provider.token(_first(body)))

        def _say(self, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
