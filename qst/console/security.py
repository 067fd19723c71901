"""Who may talk to the console: whoever came by the one-time link, from this page, and nobody else.

The guard stands before everything, the pages, their files and their sockets. Whatever it does not know it refuses:

- a Host that is not one of ours: 403 (a page elsewhere that had our address resolved to this machine);
- an Origin that is not ours, for a socket also a missing one: 403;
- a path that is none of ours, or tries to be clever: 404;
- no session: 401.

A link works once. It is exchanged for a cookie that scripts cannot read and other sites cannot send.
"""

import hmac
import http.cookies
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: Final = "qst_console"
#: What exists besides the pages themselves.
_FOLDERS: Final = ("/_nicegui/", "/_nicegui_ws/", "/assets/", "/report/")
_PAGES: Final = ("/", "/participant", "/live", "/stop", "/favicon.ico")
_ALLOWED_METHODS: Final = ("GET", "HEAD", "POST")

#: NiceGUI compiles its templates in the browser and evaluates what its server sends: inline and eval are its needs.
#: Everything comes from this machine, nothing may frame the page, and no form leads elsewhere.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self' {sockets}; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
_HEADERS: Final = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()"),
)

#: Leads on from inside the page, so that a strict cookie is sent whatever program opened the link.
_WELCOME: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QST console</title>'
    '<meta http-equiv="refresh" content="0;url=/"></head><body><p>'
    '<a href="/">Go on to the console</a></p></body></html>'
)
_NO_SESSION: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QST console: no access</title></head><body>'
    "<h1>This page needs a link of its own</h1><p>A link opens the console once, in one browser. "
    "Press Enter in the window in which <code>qst console</code> runs: it prints a new one.</p></body></html>"
)


class Keys:
    """The one-time tokens and the session's secret."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._session = secrets.token_urlsafe(32)

    def new_token(self) -> str:
        """A token that opens the console once."""
        token = secrets.token_urlsafe(32)
        self._tokens.add(token)
        return token

    def redeem(self, token: str) -> bool:
        """Whether this token was good; it is not any more."""
        for known in self._tokens:
            if hmac.compare_digest(known.encode(), token.encode()):
                self._tokens.discard(known)
                return True
        return False

    def cookie(self, *, secure: bool) -> bytes:
        """The header that gives a browser its session."""
        text = f"{COOKIE}={self._session}; HttpOnly; SameSite=Strict; Path=/"
        return (text + ("; Secure" if secure else "")).encode("ascii")

    def knows(self, header: bytes) -> bool:
        """Whether a Cookie header carries the session."""
        cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        try:
            cookies.load(header.decode("latin-1"))
        except http.cookies.CookieError:
            return False
        morsel = cookies.get(COOKIE)
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self._session.encode())


class Guard:
    """ASGI application around the console's.

    Args:
        app: what is guarded.
        keys: tokens and session.
        hosts: ``name:port`` by which the console may be addressed.
        scheme: ``http`` or ``https``.
    """

    def __init__(self, app: App, keys: Keys, hosts: Iterable[str], scheme: str = "http") -> None:
        self.app = app
        self._keys = keys
        self._hosts = frozenset(hosts)
        self._scheme = scheme
        self._origins = frozenset(f"{scheme}://{host}" for host in self._hosts)
        sockets = " ".join(sorted(f"{'wss' if scheme == 'https' else 'ws'}://{host}" for host in self._hosts))
        self._headers = [*_HEADERS, (b"content-security-policy", _POLICY.format(sockets=sockets).encode("ascii"))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        # There is no proxy: whoever claims to be one wants to change what the page is told about itself.
        scope = {**scope, "headers": [one for one in scope["headers"] if not one[0].startswith(b"x-forwarded-")]}
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(scope, receive, send)
            else:
                # Refused before it is accepted: the browser sees the handshake fail with 403.
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        await self._answer(scope, receive, self._sealing(send), refusal)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, refusal: int | None) -> None:
        if refusal == 401 and self._welcomes(scope):  # noqa: PLR2004 - the status of a request without a session
            cookie = (b"set-cookie", self._keys.cookie(secure=self._scheme == "https"))
            await _reply(send, 200, _WELCOME, [cookie])
        elif refusal is not None:
            await _reply(send, refusal, _NO_SESSION if refusal == 401 else "no", [])  # noqa: PLR2004 - likewise
        else:
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the console answer. A browser that has gone on meanwhile is no error, though its libraries raise one."""
        gone = False

        async def heard() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        try:
            await self.app(scope, heard, send)
        except RuntimeError:
            if not gone:
                raise

    def _welcomes(self, scope: Scope) -> bool:
        """Whether this is the one-time link."""
        query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return scope["path"] == "/" and scope["method"] == "GET" and self._keys.redeem(query.get("token", [""])[0])

    def _refusal(self, scope: Scope) -> int | None:
        """The status with which this request is refused; None when it is ours."""
        headers = _single_headers(scope)
        if headers is None or headers.get(b"host", b"").decode("latin-1").lower() not in self._hosts:
            return 403
        origin = headers.get(b"origin")
        if origin is None:
            # Browsers name the origin of every socket and every POST; a page of another site cannot leave it out.
            if scope["type"] == "websocket" or scope["method"] == "POST":
                return 403
        elif origin.decode("latin-1").lower() not in self._origins:
            return 403
        if scope["type"] == "http" and scope["method"] not in _ALLOWED_METHODS:
            return 405
        if not _is_ours(scope):
            return 404
        return None if self._keys.knows(headers.get(b"cookie", b"")) else 401

    def _sealing(self, send: Send) -> Send:
        """Adds the headers that keep the page to itself."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self._headers]}
            await send(message)

        return sealed


def _single_headers(scope: Scope) -> dict[bytes, bytes] | None:
    """Headers by name; None when one that decides comes twice."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in (b"host", b"origin", b"cookie") and name in headers:
            return None
        headers[name] = value
    return headers


def _is_ours(scope: Scope) -> bool:
    """Whether a path is one that exists, written the plain way."""
    path: str = scope["path"]
    raw = scope.get("raw_path") or path.encode("utf-8", "surrogatepass")
    if not path.isascii() or not path.isprintable() or b"%" in raw or "\\" in path or "//" in path:
        return False
    if any(part in (".", "..") for part in path.split("/")):
        return False
    return path in _PAGES or path.startswith(_FOLDERS)


async def _reply(send: Send, status: int, body: str, headers: list[tuple[bytes, bytes]]) -> None:
    kind = (b"content-type", b"text/html; charset=utf-8")
    start = [kind, (b"cache-control", b"no-store"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body.encode("utf-8")})
