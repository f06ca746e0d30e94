"""The guard at the door: names, other sites, and who may."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.served import Served, mail

APP = "https://app.example.com"


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


# Names


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8025",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1:8025",
        "127.8.9.1",
        "[::1]:80",
        "mail.example.com",
        "Mail.Example.com:8025",
    ],
)
def test_a_server_on_loopback_knows_its_names(host: str) -> None:
    with Served.open(hostname="mail.example.com") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.test",
        "notlocalhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "mailtrap",
        "192.0.2.1",
        "[2001:db8::1]",
        "[::1",
        "::1",
        "",
    ],
)
def test_a_server_on_loopback_does_not_answer_to_other_names(served: Served, host: str) -> None:
    answer = served.ask("GET", "/livez", headers={"Host": host})

    assert (answer.status_code, answer.json()["type"]) == (421, "urn:mailtrap-py:wrong-host")


@pytest.mark.parametrize(
    "host", ["192.0.2.1:8025", "[2001:db8::1]", "mailtrap:8025", "mailtrap.default.svc.cluster.local", "mail.test"]
)
@pytest.mark.parametrize("listens_on", ["0.0.0.0", "::"])
def test_a_server_for_others_answers_to_names_that_no_web_page_can_have(host: str, listens_on: str) -> None:
    with Served.open(host=listens_on) as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "mailtrap.evil.example"])
def test_a_server_for_others_does_not_answer_to_names_of_the_web(host: str) -> None:
    with Served.open(host="0.0.0.0") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(("host", "status"), [("192.0.2.1", 200), ("192.0.2.2", 421), ("localhost", 200)])
def test_a_server_on_one_address_answers_to_that(host: str, status: int) -> None:
    with Served.open(host="192.0.2.1") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == status


def test_the_guard_stands_before_the_pages_too(served: Served) -> None:
    assert served.ask("GET", "/", headers={"Host": "evil.example"}).status_code == 421


FROM_BROWSERS = [
    ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
    ({"Origin": "http://localhost:3000"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://["}, False),
]


@pytest.mark.parametrize(("headers", "allowed"), FROM_BROWSERS)
@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/api/messages?all=true"), ("POST", "/api/reset"), ("PUT", "/api/scenario")]
)
def test_only_pages_of_this_server_may_change_anything(
    served: Served,
    headers: dict[str, str],
    allowed: bool,  # noqa: FBT001 - what is expected
    method: str,
    path: str,
) -> None:
    served.keep(mail())
    body: dict[str, Any] = {"json": {"scenario": {}}} if method == "PUT" else {}

    answer = served.ask(method, path, headers=headers, **body)

    assert (answer.status_code == 200) == allowed
    if not allowed:
        assert answer.json()["type"] == "urn:mailtrap-py:cross-site"
        assert served.store.messages().total == 1


def test_pages_of_others_may_ask_but_are_not_given_leave_to_read(served: Served) -> None:
    answer = served.ask("GET", "/livez", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_websocket_of_another_site_is_not_let_in(served: Served) -> None:
    async def main() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"origin", b"https://evil.example")]
        scope = {"type": "websocket", "path": "/api/events", "query_string": b"", "headers": headers}
        await served.app(scope, receive, send)
        return sent

    assert asyncio.run(main())[0]["status"] == 403


def test_a_client_without_a_host_is_served(served: Served) -> None:
    async def main() -> int:
        statuses = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request"}

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "GET", "path": "/livez", "query_string": b"", "headers": []}
        await served.app(scope, receive, send)
        return int(statuses[0])

    assert asyncio.run(main()) == 200


def test_nothing_is_sniffed(served: Served) -> None:
    for path in ("/", "/livez", "/nothing"):
        assert served.ask("GET", path).headers["x-content-type-options"] == "nosniff"
    assert served.ask("GET", "/", headers={"Host": "evil.example"}).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("host", "status"), [("Mail.Example.org:443", 200), ("trap", 200), ("mail.example.net", 421)])
def test_a_server_behind_a_proxy_answers_to_the_names_it_is_told(host: str, status: int) -> None:
    with Served.open(http_names=["mail.example.org", "trap"]) as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == status


# Sites that are listed


def test_a_listed_site_is_told_what_it_may() -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "DELETE", "Sec-Fetch-Site": "cross-site"}
    with Served.open(http_origins=[APP], http_token="t") as served:
        answer = served.ask("OPTIONS", "/api/messages", headers=asked)
        other = served.ask("OPTIONS", "/api/messages", headers=asked | {"Origin": "https://evil.example"})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, APP)
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (401, False)


def test_only_a_preflight_is_answered_as_one() -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": "GET"}
    with Served.open(http_origins=[APP]) as served:
        assert served.ask("GET", "/livez", headers=headers).json() == {"status": "ok"}


def test_a_listed_site_may_read_and_change() -> None:
    headers = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    with Served.open(http_origins=[APP]) as served:
        served.keep(mail())
        read = served.ask("GET", "/api/messages", headers=headers)
        changed = served.ask("DELETE", "/api/messages?all=true", headers=headers)

    assert (read.headers["access-control-allow-origin"], read.headers["vary"]) == (APP, "Origin")
    assert (changed.status_code, changed.json()) == (200, {"deleted": 1})


def test_a_site_that_is_not_listed_may_neither_read_nor_change() -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    with Served.open(http_origins=[APP]) as served:
        read = served.ask("GET", "/api/messages", headers=headers)
        changed = served.ask("DELETE", "/api/messages?all=true", headers=headers)

    assert not [name for name in read.headers if name.startswith("access-control-")]
    assert changed.status_code == 403


def test_a_listed_site_must_call_the_server_by_its_name() -> None:
    headers = {"Origin": APP, "Host": "evil.example", "Access-Control-Request-Method": "GET"}
    with Served.open(http_origins=[APP]) as served:
        assert served.ask("OPTIONS", "/api/messages", headers=headers).status_code == 421


# Who may


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


GUARDED = {"http_users": {"ann": "sécret:1", "bob": "x"}, "http_token": "t0k3n"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (None, 401),
        ("", 401),
        (basic("ann", "sécret:1"), 200),
        (basic("bob", "x"), 200),
        (basic("ann", "x"), 401),
        (basic("ann", ""), 401),
        (basic("eve", ""), 401),
        (basic("anybody", "t0k3n"), 200),
        ("Bearer t0k3n", 200),
        ("bearer t0k3n", 200),
        ("Bearer t0k3n2", 401),
        ("Bearer sécret".encode().decode("latin-1"), 401),
        ("Basic !", 401),
        ("Basic a", 401),
        ("Digest x", 401),
    ],
)
def test_only_those_who_may_are_let_in(said: str | None, status: int) -> None:
    headers = {} if said is None else {"Authorization": said.encode("latin-1")}
    with Served.open(**GUARDED) as served:
        answer = served.ask("GET", "/api/messages", headers=headers)

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["type"] == "urn:mailtrap-py:unauthorized"
        assert answer.headers["www-authenticate"] == 'Basic realm="mailtrap_py", charset="UTF-8", Bearer'


@pytest.mark.parametrize(
    "path", ["/", "/static/app.css", "/api/events", "/metrics", "/api/tls/authority.pem", "/nothing"]
)
def test_everything_but_health_is_guarded(path: str) -> None:
    with Served.open(http_users={"ann": "secret"}) as served:
        answer = served.ask("HEAD", path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (
            401,
            'Basic realm="mailtrap_py", charset="UTF-8"',
        )
        assert served.ask("GET", "/livez").status_code == served.ask("GET", "/readyz").status_code == 200


def test_a_token_alone_is_no_password_of_nobody() -> None:
    with Served.open(http_users={"ann": "secret"}) as served:
        assert served.ask("GET", "/api/messages", headers={"Authorization": "Bearer "}).status_code == 401
        assert served.ask("GET", "/api/messages", headers={"Authorization": basic("x", "")}).status_code == 401
