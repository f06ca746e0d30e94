from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from mailtrap_py import Settings, Trap, __version__, ports
from mailtrap_py.clock import ManualClock, RealClock, ScaledClock
from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.scenario import make_rule
from mailtrap_py.store import Announcement, Store
from tests.connected import Client, looped
from tests.test_ports import needs_ipv6

NO_SUCH_USER = {"at": "rcpt", "do": [{"reply": "550 5.1.1 No such user"}]}
BUSY = """
params: {times: 1}
clock: manual
rules:
  - {id: busy, at: mail, count: {times: "${times}"}, do: [{reply: "450 4.2.0 Busy"}]}
"""


def settings(**values: object) -> Settings:
    """Take free ports of 127.0.0.1, no TLS port, no HTTP, and a record in memory, but for what is given."""
    quiet = {"host": "127.0.0.1", "smtp_port": 0, "smtps_port": None, "http_port": None, "store": "sqlite://"}
    return Settings.model_validate({**quiet, **values})


@contextlib.asynccontextmanager
async def running(given: Store | None = None, **values: object) -> AsyncIterator[Trap]:
    trap = Trap(settings(**values), store=given)
    await trap.start()
    try:
        yield trap
    finally:
        await trap.stop()


async def send(
    port: int, host: str = "127.0.0.1", *, to: str = "bob@example.com", context: ssl.SSLContext | None = None
) -> None:
    """Send a message as an application does; with a context over STARTTLS."""

    def work() -> None:
        with smtplib.SMTP(host, port, local_hostname="app", timeout=30) as client:
            if context is not None:
                client.starttls(context=context)
            client.sendmail("ann@example.com", to, "Subject: Hello\n\nHello\n")

    await asyncio.to_thread(work)


@contextlib.asynccontextmanager
async def connected(port: int, greeting: str = "220 ") -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        assert (await client.hear()).startswith(greeting)
        yield client
    finally:
        client.writer.transport.abort()


async def refuses(port: int) -> None:
    """Hold that nobody listens there."""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


async def ask(trap: Trap, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=trap.http_url, trust_env=False, timeout=30) as client:
        return await client.get(path)


async def starts_not(kind: type[Exception], match: str, **values: object) -> Trap:
    """Start a trap that cannot be started."""
    trap = Trap(settings(**values))
    with pytest.raises(kind, match=match):
        await trap.start()
    assert trap.status()["ready"] is False
    with pytest.raises(RuntimeError, match="has not been started"):
        trap.store.flush()
    return trap


@contextlib.contextmanager
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


# -- where it listens


@needs_ipv6
@looped
async def test_it_listens_on_every_address_at_the_same_port() -> None:
    async with running(host=("127.0.0.1", "::1"), http_port=0) as trap:
        await send(trap.smtp_port, "127.0.0.1")
        await send(trap.smtp_port, "::1")
        with socket.create_connection(("::1", trap.http_port), timeout=30):
            pass

        assert {one.client for one in trap.store.sessions().items} == {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("host", "reached", "page"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "127.0.0.1", "http://127.0.0.1:"),
        pytest.param("::1", "::1", "http://[::1]:", marks=needs_ipv6),
        pytest.param("::", "::1", "http://[::1]:", marks=needs_ipv6),
    ],
)
@looped
async def test_it_tells_an_address_that_can_be_connected_to(host: str, reached: str, page: str) -> None:
    async with running(host=host, http_port=0) as trap:
        assert trap.host == reached
        assert trap.http_url == f"{page}{trap.http_port}"
        assert (await ask(trap, "/livez")).status_code == 200
        await send(trap.smtp_port, trap.host)


@looped
async def test_a_port_that_is_off_is_not_opened() -> None:
    async with running() as trap:
        assert trap.smtp_port > 0
        assert (trap.smtps_port, trap.http_port, trap.http_url) == (None, None, "")


@looped
async def test_a_port_that_is_given_is_taken() -> None:
    with taken() as number:
        pass
    async with running(smtp_port=number) as trap:
        assert trap.smtp_port == number


# -- settings


@looped
async def test_the_scenario_is_that_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "busy.yaml"
    file.write_text(BUSY)
    async with running(scenario=str(file), params={"times": "2"}, seed=7, clock="60x") as trap:
        inbox = trap.inboxes.get()

        assert inbox.director.scenario.name == "busy"
        assert inbox.director.scenario.params["times"] == 2
        assert inbox.seed == 7
        assert isinstance(inbox.clock, ScaledClock)
        assert inbox.clock.speed == 60
        for _ in range(2):
            with pytest.raises(smtplib.SMTPSenderRefused, match="Busy"):
                await send(trap.smtp_port)
        await send(trap.smtp_port)


@looped
async def test_the_clock_is_the_scenarios_when_the_settings_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "busy.yaml"
    file.write_text(BUSY)
    async with running(scenario=str(file)) as trap:
        assert isinstance(trap.inboxes.get().clock, ManualClock)


@looped
async def test_there_is_no_scenario_when_none_is_named() -> None:
    async with running() as trap:
        assert trap.inboxes.get().director.scenario.name == "none"
        assert isinstance(trap.inboxes.get().clock, RealClock)


@looped
async def test_a_scenario_of_the_library_waits_on_the_clock_of_the_settings() -> None:
    async with running(scenario="greylisting", params={"wait": "5m"}, clock="manual") as trap:
        clock = trap.inboxes.get().clock
        assert isinstance(clock, ManualClock)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await send(trap.smtp_port)

        clock.advance(300)

        await send(trap.smtp_port)


@looped
async def test_addresses_fail_as_their_names_say_unless_that_is_off() -> None:
    async with running() as trap, running(fail_addresses="off") as plain:
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="fails as its name says"):
            await send(trap.smtp_port, to="550@fail.test")
        await send(plain.smtp_port, to="550@fail.test")


@looped
async def test_what_the_server_says_is_that_of_the_settings() -> None:
    async with (
        running(hostname="mx.example", auth="required", max_message_size=1000) as trap,
        connected(trap.smtp_port, "220 mx.example ") as client,
    ):
        capabilities = (await client.ask("EHLO app")).split("\r\n")
        assert "250-SIZE 1000" in capabilities
        assert [line for line in capabilities if "AUTH" in line]
        assert (await client.ask("MAIL FROM:<ann@example.com>")).startswith("530 ")


@looped
async def test_only_users_of_the_settings_may_log_in() -> None:
    def log_in(port: int, password: str) -> str:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            return str(client.login("ann", password)[0])

    async with running(users={"ann": "secret"}) as trap:
        assert await asyncio.to_thread(log_in, trap.smtp_port, "secret") == "235"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await asyncio.to_thread(log_in, trap.smtp_port, "guess")


@looped
async def test_a_silent_client_is_cut_off_as_the_settings_say() -> None:
    async with running(command_timeout=0.01) as trap, connected(trap.smtp_port) as client:
        assert (await client.hear()).startswith("421 ")


@looped
async def test_a_real_server_stands_behind_it() -> None:
    async with running() as behind, running(upstream=f"127.0.0.1:{behind.smtp_port}") as trap:
        await send(trap.smtp_port)
        behind.inboxes.get().director.add(make_rule(NO_SUCH_USER))
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="No such user"):
            await send(trap.smtp_port)

        (message,) = behind.store.messages().items
        assert (message.subject, message.recipients) == ("Hello", ("bob@example.com",))
        assert trap.store.messages().total == 1
        assert {one.upstream for one in trap.store.sessions().items} == {trap.settings.upstream}


# -- the record


@looped
async def test_a_record_of_its_own_is_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with running(store="") as trap:
        await send(trap.smtp_port)
        assert "record.sqlite" in below(tmp_path)

    assert below(tmp_path) == []
    with pytest.raises(RuntimeError, match="has not been started"):
        trap.store.flush()


@looped
async def test_a_record_in_a_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "mail.db"
    async with running(store=str(file)) as trap:
        await send(trap.smtp_port)

    with contextlib.closing(Store(f"sqlite:///{file}")) as store:
        assert [one.subject for one in store.messages().items] == ["Hello"]


@looped
async def test_no_more_is_kept_than_the_settings_say() -> None:
    async with running(keep_messages=2) as trap:
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hear(news: Announcement) -> None:
            if news.kind == "deleted":
                loop.call_soon_threadsafe(gone.set)

        trap.store.subscribe(hear)
        for _ in range(3):
            await send(trap.smtp_port)
        await asyncio.wait_for(gone.wait(), 20)
        assert trap.store.messages().total == 2


@looped
async def test_a_store_that_was_given_stays_open() -> None:
    with contextlib.closing(Store()) as store:
        async with running(store) as trap:
            assert trap.store is store
            await send(trap.smtp_port)

        assert store.messages().total == 1
        assert trap.store is store


# -- TLS


@looped
async def test_its_own_authority_is_enough_to_trust_it() -> None:
    async with running(smtps_port=0) as trap:
        context = ssl.create_default_context(cadata=trap.authority_pem().decode())
        await send(trap.smtp_port, context=context)

        def over_tls(port: int | None) -> None:
            with smtplib.SMTP_SSL("127.0.0.1", port or 0, context=context, timeout=30) as client:
                assert client.noop()[0] == 250

        await asyncio.to_thread(over_tls, trap.smtps_port)
        assert [one.protocol for one in trap.store.sessions().items] == ["smtps", "smtp"]


@looped
async def test_a_certificate_that_was_given_is_used(tmp_path: Path) -> None:
    authority = trustme.CA()
    given = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in given.cert_chain_pems))
    key.write_bytes(given.private_key_pem.bytes())
    async with running(tls_cert=str(certificate), tls_key=str(key)) as trap:
        context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())

        await send(trap.smtp_port, context=context)

        assert trap.authority_pem() == certificate.read_bytes()


@looped
async def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    await starts_not(SettingError, "missing.pem cannot be used", tls_cert=missing, tls_key=missing)


# -- HTTP


@looped
async def test_the_page_shows_what_the_trap_knows() -> None:
    async with running(http_port=0) as trap:
        await send(trap.smtp_port)

        answer = await ask(trap, "/api/messages")

        assert [one["subject"] for one in answer.json()["items"]] == ["Hello"]
        assert (await ask(trap, "/readyz")).status_code == 200


@looped
async def test_http_can_be_opened_later_and_once() -> None:
    async with running() as trap:
        await trap.start_http()
        number = trap.http_port
        await trap.start_http()

        assert trap.http_port == number
        assert (await ask(trap, "/livez")).status_code == 200


# -- its life


@looped
async def test_it_tells_of_itself() -> None:
    trap = Trap(settings(http_port=0, smtps_port=0, hostname="mx.example"))
    told = trap.status()
    assert (told["ready"], told["smtp_port"], told["open_sessions"], told["uptime"]) == (False, 0, 0, 0.0)

    await trap.start()
    async with connected(trap.smtp_port):
        told = trap.status()
    uptime = told.pop("uptime")
    assert isinstance(uptime, float)
    assert 0 <= uptime < 60
    assert told == {
        "version": __version__,
        "ready": True,
        "hostname": "mx.example",
        "host": "127.0.0.1",
        "smtp_port": trap.smtp_port,
        "smtps_port": trap.smtps_port,
        "lmtp_port": None,
        "http_port": trap.http_port,
        "upstream": "",
        "open_sessions": 1,
    }

    await trap.stop()
    told = trap.status()
    assert (told["ready"], told["http_port"], told["open_sessions"], told["uptime"]) == (False, None, 0, 0.0)


@looped
async def test_stopping_says_421_and_ends_streams_soon() -> None:
    async with running(http_port=0) as trap, httpx.AsyncClient(trust_env=False, timeout=30) as http:
        url = f"{trap.http_url}/api/events"
        async with connected(trap.smtp_port) as client, http.stream("GET", url) as stream:
            chunks = stream.aiter_text()
            await anext(chunks)

            began = time.monotonic()
            await trap.stop()
            assert (await client.hear()).startswith("421 ")
            # That the session began may still be news.
            assert [chunk async for chunk in chunks if "event:" in chunk and "event: session" not in chunk] == []
            assert time.monotonic() - began < 20

        assert trap.http_url == ""
        await refuses(trap.smtp_port)


@looped
async def test_it_may_be_stopped_twice_or_without_a_start() -> None:
    trap = Trap(settings(store="", http_port=0))
    await trap.end_sessions()
    await trap.stop()
    await trap.start()

    await trap.stop()
    await trap.stop()


@looped
async def test_it_can_be_started_again() -> None:
    trap = Trap(settings(store="", http_port=0))
    for _ in range(2):
        await trap.start()
        await send(trap.smtp_port)
        assert trap.store.messages().total == 1
        assert (await ask(trap, "/livez")).status_code == 200
        await trap.stop()


@looped
async def test_one_that_runs_is_not_started_again() -> None:
    async with running() as trap:
        with pytest.raises(RuntimeError, match="runs already"):
            await trap.start()

        await send(trap.smtp_port)


@looped
async def test_open_sessions_can_be_ended_while_it_runs() -> None:
    async with running() as trap:
        async with connected(trap.smtp_port) as client:
            await trap.end_sessions()

            assert (await client.hear()).startswith("421 ")
            assert await client.rest() == b""
        await send(trap.smtp_port)
        assert trap.store.sessions().items[-1].ending == "shutdown"


# -- what keeps it from starting


@looped
async def test_parameters_need_a_scenario() -> None:
    await starts_not(SettingError, "no scenario that could take them", params={"wait": "1s"})


@looped
async def test_an_unknown_scenario_is_refused() -> None:
    await starts_not(ScenarioError, "greylistin", scenario="greylistin")


@looped
async def test_a_port_that_is_taken_is_refused() -> None:
    with taken() as number:
        await starts_not(SettingError, f"port {number} .* is taken", smtp_port=number)


@looped
async def test_when_the_second_port_is_taken_the_first_is_closed() -> None:
    with taken() as free:
        pass
    with taken() as number:
        await starts_not(SettingError, f"port {number} .* is taken", smtp_port=free, smtps_port=number)

    for listener in ports.bind(["127.0.0.1"], free, purpose="smtp-port"):
        listener.close()


@looped
async def test_when_the_http_port_is_taken_all_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with taken() as number:
        trap = await starts_not(SettingError, f"port {number} .* is taken", http_port=number, store="")

    assert below(tmp_path) == []
    await refuses(trap.smtp_port)


@looped
async def test_when_the_record_cannot_be_opened_the_port_is_closed(tmp_path: Path) -> None:
    with taken() as free:
        pass
    await starts_not(SettingError, "nowhere", smtp_port=free, store=str(tmp_path / "nowhere" / "mail.db"))

    for listener in ports.bind(["127.0.0.1"], free, purpose="smtp-port"):
        listener.close()


@looped
async def test_a_store_that_was_given_outlives_a_failed_start() -> None:
    with taken() as number, contextlib.closing(Store()) as store:
        trap = Trap(settings(smtp_port=number), store=store)
        with pytest.raises(SettingError):
            await trap.start()

        assert trap.store.messages().total == 0


@looped
async def test_lmtp_has_ports_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "lmtp"
    async with running(lmtp_port=0, lmtp_socket=str(file)) as trap:
        assert trap.lmtp_port
        assert trap.status()["lmtp_port"] == trap.lmtp_port
        for connecting in (asyncio.open_connection(trap.host, trap.lmtp_port), asyncio.open_unix_connection(file)):
            reader, writer = await connecting
            assert await reader.readline() == b"220 mailtrap.localhost LMTP mailtrap_py\r\n"
            writer.write(b"LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2 LAST\r\nokQUIT\r\n")
            said = await reader.read()
            assert said.endswith(b"221 2.0.0 Bye\r\n")
            writer.close()
        assert [session.protocol for session in trap.store.sessions().items] == ["lmtp", "lmtp"]
        assert trap.store.sessions().items[0].client == ""
    assert not file.exists()


@looped
async def test_lmtp_stands_in_front_of_nobody() -> None:
    with pytest.raises(SettingError, match="LMTP cannot be passed on"):
        await Trap(Settings(upstream="127.0.0.1:25", lmtp_port=0, smtp_port=0)).start()


@looped
async def test_a_real_server_is_told_of_no_lenient_ends() -> None:
    with pytest.raises(SettingError, match="lenient line endings cannot be passed on"):
        await Trap(Settings(upstream="127.0.0.1:25", line_endings="lenient", smtp_port=0)).start()


@looped
async def test_users_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("bob:hidden\n")

    def log_in(port: int, user: str, password: str) -> str:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            return str(client.login(user, password)[0])

    async with running(users={"ann": "secret"}, users_file=str(file), auth_mechanisms="LOGIN") as trap:
        assert await asyncio.to_thread(log_in, trap.smtp_port, "bob", "hidden") == "235"
        assert await asyncio.to_thread(log_in, trap.smtp_port, "ann", "secret") == "235"


@looped
async def test_a_load_balancer_says_who_the_client_is() -> None:
    async with running(proxy_protocol="127.0.0.1") as trap:
        reader, writer = await asyncio.open_connection(trap.host, trap.smtp_port)
        writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\nQUIT\r\n")
        await reader.read()
        writer.close()

        (session,) = trap.store.sessions().items
        assert (session.client, session.client_port) == ("192.0.2.7", 4711)
