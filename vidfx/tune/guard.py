"""Who may ask at all: the page that `vidfx tune` opened, and nobody else who can reach the port.

A web page from elsewhere cannot read our answers, but it can send requests to 127.0.0.1, and by DNS rebinding it can
even do so under a host name of its own. So every request must name a host that is ours, come from our own page where
the browser says from where it comes, and carry the token; and what changes something must be JSON, which a form of
another page cannot send.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from contextlib import suppress
from secrets import compare_digest
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware. Refuses with a sentence; every answer carries the headers above."""

    def __init__(self, app: ASGIApp, *, token: str, port: int, host: str, remote: bool) -> None:
        """`host` is the address that the server is bound to; `remote` says that others than this machine may come."""
        self._app, self._token, self._port, self._remote = app, token, port, remote
        self._names = {"localhost", host.lower()}
        self.cookie = cookie_name(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message.get("headers", []) if pair[0].decode().lower() not in HEADERS]
                message["headers"] = headers + [(name.encode(), text.encode()) for name, text in HEADERS.items()]
            await send(message)

        refused = self._refusal(scope) if scope["type"] == "http" else (403, "no web sockets here", "")
        if refused is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "http":
            await _refuse(send_guarded, *refused, plain=scope["path"] == "/")
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        host = headers.get("host", [])
        if len(host) != 1 or not self._is_ours(host[0]):
            return 403, "this server does not answer to that host name", "open the address that vidfx tune printed"
        origin = headers.get("origin", [])
        if origin and origin != [f"http://{host[0]}"]:
            return 403, "this server does not answer to other pages", "open the address that vidfx tune printed"
        site = headers.get("sec-fetch-site", ["none"])[0]
        opens_page = scope["path"] == "/" and headers.get("sec-fetch-dest") == ["document"]
        if site not in ("none", "same-origin") and not opens_page:
            return 403, "this server does not answer to other pages", "open the address that vidfx tune printed"
        if not self._knows_token(scope, headers):
            return 403, "this page needs the address with its token", "open the address that vidfx tune printed"
        kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
        if scope["method"] not in ("GET", "HEAD") and kind != "application/json":
            return 415, "only JSON is taken here", ""
        return None

    def _is_ours(self, host: str) -> bool:
        name, port = (host, "80") if host.endswith("]") or ":" not in host else host.rsplit(":", 1)
        if port != str(self._port):  # browsers leave 80 out
            return False
        if name.lower() in self._names:
            return True
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False  # a name: anyone's DNS may say that it is this machine
        return address.is_loopback or self._remote

    def _knows_token(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        given: list[str] = []
        if scope["path"] == "/":
            with suppress(ValueError):  # more fields than any page of ours sends
                query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
                given += query.get("token", [])
        for line in headers.get("cookie", []):
            given += [v for name, _, v in (c.strip().partition("=") for c in line.split(";")) if name == self.cookie]
        given += [line.removeprefix("Bearer ") for line in headers.get("authorization", [])]
        return self._matches(given)

    def _matches(self, given: Iterable[str]) -> bool:
        return any(compare_digest(text.encode(), self._token.encode()) for text in given)


def cookie_name(port: int) -> str:
    """Cookies do not know ports: two servers on one machine must not take each other's."""
    return f"vidfx_tune_{port}"


async def _refuse(send: Send, status: int, error: str, hint: str, *, plain: bool) -> None:
    said = f"vidfx: {error}\n{hint}\n" if plain else json.dumps({"error": error, "hint": hint})
    body = said.encode()
    kind = b"text/plain; charset=utf-8" if plain else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
