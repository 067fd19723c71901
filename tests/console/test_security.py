"""Who gets in: real requests and real socket handshakes against a running console."""

import http.client
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from qst.cli import _run
from qst.console.security import Keys
from tests.console.running import Console

SOCKETS = ("/live?view=operator", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket")


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: str


class Visitor:
    """Somebody who talks to the console without a browser."""

    def __init__(self, console: Console) -> None:
        self.port = int(console.address.rpartition(":")[2])
        self.origin = console.address
        token = console.link.partition("/?")[2]
        self.welcome = self.ask(f"/?{token}")
        self.cookie = self.welcome.headers["set-cookie"].partition(";")[0]
        self.used_link = f"/?{token}"

    def ask(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> Reply:
        """A request with exactly these headers; a Host of its own unless one is given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
        for name, value in named.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", errors="replace")
        connection.close()
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, text)

    def refused_socket(self, path: str, *, origin: str | None, cookie: str | None) -> int:
        """The status with which a handshake is refused."""
        headers = {} if cookie is None else {"Cookie": cookie}
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(
                f"ws://127.0.0.1:{self.port}{path}",
                origin=None if origin is None else Origin(origin),
                additional_headers=headers,
                proxy=None,
            ),
        ):
            pass
        return refused.value.response.status_code


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with Console(tmp_path_factory.mktemp("console")) as console:
        yield Visitor(console)


def test_the_link_gives_a_cookie_that_scripts_and_other_sites_cannot_use(visitor: Visitor) -> None:
    assert visitor.welcome.status == 200
    cookie = visitor.welcome.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "token" not in visitor.welcome.body
    assert visitor.ask("/", Cookie=visitor.cookie).status == 200


def test_the_link_works_once(visitor: Visitor) -> None:
    again = visitor.ask(visitor.used_link)
    assert again.status == 401
    assert "set-cookie" not in again.headers
    assert "Press Enter" in again.body


@pytest.mark.parametrize(
    "path",
    ["/", "/?token=", "/?token=wrong", "/participant", "/assets/live.js", "/_nicegui_ws/socket.io/?EIO=4", "/report/x"],
)
def test_another_user_without_the_link_gets_nothing(visitor: Visitor, path: str) -> None:
    reply = visitor.ask(path)
    assert reply.status == 401
    assert "stopbar" not in reply.body


@pytest.mark.parametrize("cookie", ["qst_console=", "qst_console=x", "other=1", "qst_console", "=;=;=", "\x80\x81"])
def test_a_wrong_cookie_gets_nothing(visitor: Visitor, cookie: str) -> None:
    assert visitor.ask("/", Cookie=cookie).status == 401


def test_a_second_cookie_header_does_not_smuggle_one_in(visitor: Visitor) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=30)
    connection.putrequest("GET", "/")
    connection.putheader("Cookie", "qst_console=x")
    connection.putheader("Cookie", visitor.cookie)
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example"]
)
def test_another_host_name_gets_nothing_even_with_the_cookie(visitor: Visitor, host: str) -> None:
    assert visitor.ask("/", Host=host, Cookie=visitor.cookie).status == 403


def test_localhost_is_this_machine_too(visitor: Visitor) -> None:
    assert visitor.ask("/", Host=f"localhost:{visitor.port}", Cookie=visitor.cookie).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "file://", "http://127.0.0.1:1"]
)
def test_another_origin_gets_nothing_even_with_the_cookie(visitor: Visitor, origin: str) -> None:
    assert visitor.ask("/", Origin=origin, Cookie=visitor.cookie).status == 403
    assert visitor.ask("/stop", method="POST", body="estop", Origin=origin, Cookie=visitor.cookie).status == 403


def test_a_post_without_an_origin_gets_nothing(visitor: Visitor) -> None:
    assert visitor.ask("/stop", method="POST", body="estop", Cookie=visitor.cookie).status == 403


def test_a_stop_from_the_page_itself_is_heard(visitor: Visitor) -> None:
    ours = {"Origin": visitor.origin, "Cookie": visitor.cookie}
    assert visitor.ask("/stop", method="POST", body="estop", **ours).status == 409  # no visit runs
    assert visitor.ask("/stop", method="POST", body="make it hotter", **ours).status == 400


@pytest.mark.parametrize("path", SOCKETS)
def test_a_forged_socket_gets_nothing(visitor: Visitor, path: str) -> None:
    good = visitor.origin
    assert visitor.refused_socket(path, origin=good, cookie=None) == 403
    assert visitor.refused_socket(path, origin=good, cookie="qst_console=x") == 403
    assert visitor.refused_socket(path, origin="http://evil.example", cookie=visitor.cookie) == 403
    assert visitor.refused_socket(path, origin="null", cookie=visitor.cookie) == 403
    assert visitor.refused_socket(path, origin=None, cookie=visitor.cookie) == 403


@pytest.mark.parametrize("path", SOCKETS)
def test_the_pages_own_sockets_open(visitor: Visitor, path: str) -> None:
    headers = {"Cookie": visitor.cookie}
    address = f"ws://127.0.0.1:{visitor.port}{path}"
    with connect(address, origin=Origin(visitor.origin), additional_headers=headers, proxy=None) as socket:
        assert socket.recv(timeout=30)


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd", "/assets/../server.py", "/assets/..%2fserver.py", "/assets/%2e%2e/server.py", "/assets//live.js",
        "/assets/..\\server.py", "//evil.example/", "/assets/%00", "/openapi.json", "/docs", "/nothing", "/_nicegui",
    ],
)  # fmt: skip
def test_path_tricks_get_nothing(visitor: Visitor, path: str) -> None:
    reply = visitor.ask(path, Cookie=visitor.cookie)
    assert reply.status in (400, 404)
    assert "root:" not in reply.body
    assert "def " not in reply.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_get_nothing(visitor: Visitor, method: str) -> None:
    assert visitor.ask("/", method=method, Cookie=visitor.cookie, Origin=visitor.origin).status == 405


def test_a_proxy_header_changes_nothing(visitor: Visitor) -> None:
    reply = visitor.ask("/", Cookie=visitor.cookie, X_Forwarded_Prefix="/evil", X_Forwarded_Host="evil.example")
    assert "evil" not in reply.body


@pytest.mark.parametrize("path", ["/", "/participant", "/assets/live.js", "/nothing"])
def test_every_answer_keeps_the_page_to_itself(visitor: Visitor, path: str) -> None:
    headers = visitor.ask(path, Cookie=visitor.cookie).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in policy


def test_nothing_on_the_page_comes_from_elsewhere(visitor: Visitor) -> None:
    page = visitor.ask("/", Cookie=visitor.cookie).body
    assert "stopbar" in page
    assert "https://" not in page.replace("https://github.com", "")
    assert "//cdn" not in page


def test_each_token_is_its_own() -> None:
    keys = Keys()
    first, second = keys.new_token(), keys.new_token()
    assert first != second
    assert keys.redeem(first)
    assert not keys.redeem(first)
    assert keys.redeem(second)
    assert not keys.redeem("")


def test_other_computers_are_served_encrypted_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["console", "--lan", "127.0.0.1", "--no-browser", "--port", "0", "--data", str(tmp_path)]) == 2
    assert "--lan needs --certificate and --key" in capsys.readouterr().err


def test_the_network_gets_the_same_guard_over_tls(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *made], check=True, capture_output=True)
    options = ("--lan", "127.0.0.1", "--certificate", str(certificate), "--key", str(key))
    with Console(tmp_path / "data", *options) as console:
        port = int(console.address.rpartition(":")[2])
        trust = ssl.create_default_context(cafile=str(certificate))

        def ask(path: str, **headers: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=trust)
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            reply.read()
            connection.close()
            return reply

        assert console.address.startswith("https://")
        assert ask("/").status == 401
        cookie = ask(f"/?{console.link.partition('/?')[2]}").headers["Set-Cookie"]
        assert "; Secure" in cookie
        assert ask("/", Cookie=cookie.partition(";")[0]).status == 200
