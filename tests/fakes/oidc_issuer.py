"""An OpenID provider that says whatever a test wants it to say, and signs it with any key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import ECKey, Key


def key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


class Issuer:
    """``description``, ``published`` and ``answers`` may be changed at any time."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.key: Key = key("first")
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.description: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/me",
            "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
        }
        self.token: dict[str, Any] = {}
        """The token endpoint's answer."""
        self.user_info: dict[str, Any] = {}
        self.status = dict[str, int]()
        """By path, where it is not 200."""
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.silent = threading.Event()
        """Set: nothing is answered until it is cleared."""

    def claims(self, given_nonce: str, /, **changed: Any) -> dict[str, Any]:
        """Good ones, but for what is changed; None leaves a claim out."""
        now = int(time.time())
        good = {"iss": self.url, "sub": "1", "aud": "huasheng", "exp": now + 300, "iat": now, "nonce": given_nonce}
        named = {**good, "preferred_username": "ann", "groups": ["staff"], **changed}
        return {k: v for k, v in named.items() if v is not None}

    def says(self, claims: dict[str, Any], signed_by: Key | None = None, **header: Any) -> None:
        """The next answer of the token endpoint."""
        used = signed_by or self.key
        head = {"alg": "ES256", "kid": self.key.kid, **header}
        text = jwt.encode(head, claims, used, algorithms=["ES256", "RS256", "HS256", "none"])
        self.token = {"access_token": "at", "token_type": "Bearer", "id_token": text}

    def answer(self, path: str) -> Any:
        return {
            "/.well-known/openid-configuration": self.description,
            "/jwks": {"keys": self.published},
            "/token": self.token,
            "/me": self.user_info,
        }.get(path, {})


@contextmanager
def issuer() -> Iterator[Issuer]:
    """One that listens on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.headers.append(dict(self.headers))
            if self.command == "POST":
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                found.forms.append(dict(parse_qsl(text)))
            while found.silent.is_set() and not over.wait(0.01):
                pass
            body = found.answer(self.path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(found.status.get(self.path, 200))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Issuer(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
