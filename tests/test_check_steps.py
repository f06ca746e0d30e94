"""The conversation of a check: with the trap under every scenario, and with servers that are scripted."""

from __future__ import annotations

import asyncio
import base64
import hmac
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.check import Options, Security, Status, Step, check
from mailtrap_py.check import steps as steps_module
from mailtrap_py.errors import SettingError
from mailtrap_py.scenario.library import names
from tests.connected import looped
from tests.scripted import CLOSE, Answer, Real, dead_port, real

PATIENCE = 3.0  # seconds that a check waits for what a scenario keeps back
EHLO = b"250-real.example\r\n250 SIZE 1000\r\n"


def failures(steps: list[Step]) -> list[str]:
    return [f"{step.name}: {step.verdict}" for step in steps if step.status is Status.FAILED]


def courses(steps: list[Step]) -> list[str]:
    return [f"{step.name} {step.status}" for step in steps]


async def checked(server: Real, **options: Any) -> list[Step]:  # noqa: ANN401 - what Options takes
    chosen = {"host": "127.0.0.1", "port": server.port, "helo": "check.example", "timeout": 5.0, **options}
    return await asyncio.to_thread(check, Options(**chosen))


def trapped(mailtrap: Mailtrap, folder: Path, **options: Any) -> list[Step]:  # noqa: ANN401 - as above
    authority = folder / "authority.pem"
    authority.write_bytes(mailtrap.authority_pem)
    chosen = {"host": "127.0.0.1", "port": mailtrap.port, "ca_file": str(authority), "timeout": 5.0, **options}
    return check(Options(**chosen))


# What a scenario of the library is called by a check that logs in and sends to two recipients, each with the names of
# the steps that failed or were worth a note; those that are not here are only held to have a verdict in time.
VERDICTS = {
    "bad-credentials": "AUTH: 535 5.7.8: credentials",
    "blocked-client": "RCPT: 554 5.7.1: failed, not authorized; RCPT: 554 5.7.1: failed, not authorized",
    "closed-on-connect": "greeting: the server closed the connection without a reply",
    "content-rejected": "message: 554 5.7.9: failed, login too weak",
    "data-451": "DATA: 451 4.3.0: server error, try later",
    "ehlo-421": "EHLO: 421 4.7.0: try later",
    "garbled-reply": "MAIL: this is not a reply of SMTP: three digits have to stand first",
    "greeting-554": "greeting: 554: failed",
    "greeting-http": "greeting: an HTTP server, not SMTP",
    "greeting-tls-alert": "greeting: TLS, not SMTP: this port begins with TLS (--tls implicit)",
    "insufficient-storage": "MAIL: 452 4.3.1: no room, try later, mail system full",
    "late-250": "message: no reply within 3 s",
    "mixed-codes": "MAIL: 450 2.1.0: mailbox busy, try later",
    "multiline-replies": "",
    "quit-silent": "QUIT: no reply within 3 s",
    "quit-without-221": "QUIT: the server closed the connection without a reply",
    "service-unavailable": "greeting: 421: try later",
    "split-replies": "",
    "starttls-454": "STARTTLS: 454 4.7.0: not available, try later",
    "starttls-injection": "TLS: there is more behind the reply to STARTTLS",
    "starttls-stripped": "AUTH: not tried: the password would go in the clear",
    "timeout-greeting": "greeting: no reply within 3 s",
    "tls-old-version": "TLS: the server speaks only TLS before 1.2, or a version that nobody knows",
    "tls-self-signed": "certificate: not trusted: self-signed certificate",
    "tls-silent": "TLS: the handshake was not done within 3 s",
    "tls-wrong-host": "certificate: not for 127.0.0.1, but for wrong-host.invalid",
    "truncated-250": "message: the server closed the connection in the middle of its reply",
    "unterminated-reply": "MAIL: the reply did not end within 3 s",
}


@pytest.mark.slow
def test_every_scenario_of_the_library_gets_a_verdict(tmp_path: Path) -> None:
    def one(name: str) -> list[Step]:
        folder = tmp_path / name
        folder.mkdir()
        with Mailtrap() as mailtrap:
            mailtrap.scenario(name)
            return trapped(
                mailtrap,
                folder,
                user="ann@example.com",
                password="secret",
                recipients=("bob@example.com", "cy@example.com"),
                send=True,
                timeout=PATIENCE,
            )

    with ThreadPoolExecutor(4) as crew:
        found = dict(zip(names(), crew.map(one, names()), strict=True))

    for name, steps in found.items():
        assert steps, name
        assert all(step.verdict for step in steps), name
        assert failures(steps) or steps[-1].name == "QUIT", name
    assert {name: "; ".join(failures(found[name])) for name in VERDICTS} == VERDICTS


def test_all_goes_well_with_the_trap(tmp_path: Path) -> None:
    told: list[Step] = []
    with Mailtrap() as mailtrap:
        authority = tmp_path / "authority.pem"
        authority.write_bytes(mailtrap.authority_pem)
        options = Options(
            host="127.0.0.1",
            port=mailtrap.port,
            ca_file=str(authority),
            user="ann",
            password="secret",
            sender="ann@example.com",
            recipients=("bob@example.com",),
            send=True,
        )
        steps = check(options, told.append)
        message = mailtrap.wait_for(to="bob@example.com", subject="mailtrap-py check")

    assert told == steps
    assert [step.name for step in steps] == [
        *("connect", "greeting", "EHLO", "STARTTLS", "TLS", "certificate", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"),
        *("message", "QUIT"),
    ]
    assert {step.status for step in steps} == {Status.OK}
    assert message.envelope.reverse_path == "ann@example.com"
    assert steps[2].facts["SIZE"].isdecimal()
    assert steps[7].said == "AUTH PLAIN ********"
    assert not [step for step in steps if "secret" in repr(step) or "AGFubgB" in repr(step)]


def test_tls_from_the_first_octet(tmp_path: Path) -> None:
    with Mailtrap() as mailtrap:
        steps = trapped(mailtrap, tmp_path, port=mailtrap.smtps_port, tls=Security.IMPLICIT, name="localhost")

    assert [step.name for step in steps][:4] == ["connect", "TLS", "certificate", "greeting"]
    assert failures(steps) == []
    assert steps[2].verdict.startswith("trusted, for localhost, ")


@pytest.mark.parametrize("tls", [Security.AUTO, Security.IMPLICIT])
def test_a_certificate_that_is_not_trusted_is_shown_and_may_be_taken(tls: Security) -> None:
    with Mailtrap() as mailtrap:
        port = mailtrap.port if tls is Security.AUTO else mailtrap.smtps_port
        assert port
        options = {"host": "127.0.0.1", "port": port, "tls": tls}
        refused = check(Options(**options))  # type: ignore[arg-type] # each is what it is to be
        taken = check(Options(**options, insecure=True))  # type: ignore[arg-type] # as above

    (certificate,) = [step for step in refused if step.name == "certificate"]
    assert certificate.status is Status.FAILED
    assert certificate.verdict.startswith("not trusted: ")
    assert "mailtrap.localhost" in certificate.facts["names"]
    assert ("QUIT" in [step.name for step in refused]) == (tls is Security.AUTO)
    assert failures(taken) == []
    assert taken[-1].name == "QUIT"
    assert "RCPT" in [step.name for step in taken]


@pytest.mark.parametrize(
    ("scenario", "verdict"),
    [
        ("starttls-injection", "TLS: there is more behind the reply to STARTTLS"),
        ("tls-closed", "TLS: the server ended the connection in the handshake"),
    ],
)
def test_a_handshake_that_cannot_be_trusted_is_the_end(tmp_path: Path, scenario: str, verdict: str) -> None:
    with Mailtrap() as mailtrap:
        mailtrap.scenario(scenario)
        steps = trapped(mailtrap, tmp_path)

    assert failures(steps) == [verdict]
    assert steps[-1].name == "TLS"


@looped
async def test_in_the_clear_a_password_is_only_sent_on_demand() -> None:
    answers: dict[str, list[Answer]] = {"EHLO": [b"250-x\r\n250 AUTH PLAIN\r\n"] * 2, "AUTH": [b"235 2.7.0 in\r\n"]}
    async with real(answers) as server:
        kept = await checked(server, user="ann", password="secret")
        sent = await checked(server, user="ann", password="secret", tls=Security.OFF)

    assert failures(kept) == ["AUTH: not tried: the password would go in the clear"]
    assert "STARTTLS note" in courses(kept)
    assert failures(sent) == []
    assert "AUTH ok" in courses(sent)


@looped
async def test_starttls_that_is_wanted_and_not_offered_ends_the_check() -> None:
    async with real() as server:
        steps = await checked(server, tls=Security.STARTTLS)

    assert failures(steps) == ["STARTTLS: not offered"]
    assert server.heard[-1] == b"QUIT\r\n"


@looped
async def test_login_and_cram_md5() -> None:
    question = base64.b64encode(b"<1@example>")
    answers: dict[str, list[Answer]] = {
        "EHLO": [b"250-x\r\n250 AUTH=LOGIN\r\n", b"250-x\r\n250 auth cram-md5 x\r\n"],
        "AUTH": [b"334 VXNlcm5hbWU6\r\n", b"334 " + question + b"\r\n"],
        base64.b64encode(b"ann").decode().upper(): [b"334 UGFzc3dvcmQ6\r\n"],
        base64.b64encode(b"secret").decode().upper(): [b"235 in\r\n"],
    }
    async with real(answers) as server:
        login = await checked(server, user="ann", password="secret", tls=Security.OFF)
        cram = await checked(server, user="ann", password="secret", tls=Security.OFF)

    assert courses(login)[3:6] == ["AUTH ok"] * 3
    assert [step.said for step in login if step.name == "AUTH"] == ["AUTH LOGIN", "ann (in base64)", "********"]
    digest = hmac.digest(b"secret", b"<1@example>", "md5").hex()
    assert base64.b64encode(f"ann {digest}".encode()) + b"\r\n" in server.heard
    assert courses(cram)[3:5] == ["AUTH ok"] * 2


@pytest.mark.parametrize(
    ("offered", "reply", "verdict"),
    [
        (b"AUTH GSSAPI", b"", "AUTH: only GSSAPI is offered"),
        (b"SIZE", b"", "AUTH: not offered"),
        (b"AUTH CRAM-MD5", b"334 ???\r\n", "AUTH: the challenge is not base64"),
        (b"AUTH LOGIN", b"235 already in\r\n", "AUTH: 235: logged in"),
        (b"AUTH PLAIN", b"535 5.7.8 no\r\n", "AUTH: 535 5.7.8: credentials"),
    ],
)
def test_a_login_that_cannot_be_done(offered: bytes, reply: bytes, verdict: str) -> None:
    @looped
    async def run() -> None:
        answers: dict[str, list[Answer]] = {"EHLO": [b"250-x\r\n250 " + offered + b"\r\n"], "AUTH": [reply]}
        async with real(answers) as server:
            steps = await checked(server, user="ann", password="secret", tls=Security.OFF)
        assert failures(steps) == [verdict]
        assert steps[-1].name == "QUIT"

    run()


@looped
async def test_a_server_that_wants_a_login_is_not_to_blame() -> None:
    first = b"530 5.7.0 Authentication required\r\n"
    async with real({"MAIL": [first], "RCPT": [first]}) as server:
        at_mail = await checked(server, tls=Security.OFF)
        at_rcpt = await checked(server, tls=Security.OFF)
        server.answers["MAIL"].append(first)
        wanted = await checked(server, tls=Security.OFF, send=True)

    assert courses(at_mail)[-2:] == ["MAIL note", "QUIT ok"]
    assert courses(at_rcpt)[-4:] == ["MAIL ok", "RCPT note", "DATA skipped", "QUIT ok"]
    assert failures(wanted) == ["MAIL: 530 5.7.0: login or TLS required"]
    assert failures(at_mail + at_rcpt) == []


@looped
async def test_helo_for_who_does_not_know_ehlo() -> None:
    async with real({"EHLO": [b"502 what?\r\n"]}) as server:
        steps = await checked(server)

    assert courses(steps)[2:5] == ["EHLO note", "HELO ok", "STARTTLS note"]
    assert failures(steps) == []


@looped
async def test_one_refused_recipient_does_not_keep_the_others_from_being_tried() -> None:
    async with real({"RCPT": [b"550 5.1.1 no\r\n"]}) as server:
        steps = await checked(server, recipients=("a@example.com", "b@example.com"), send=True)

    assert courses(steps)[5:] == ["MAIL ok", "RCPT failed", "RCPT ok", "DATA ok", "message ok", "QUIT ok"]
    assert len(server.contents) == 1


@looped
async def test_after_421_nothing_more_is_said() -> None:
    async with real({"RCPT": [(b"421 4.3.2 down\r\n", CLOSE)]}) as server:
        steps = await checked(server, recipients=("a@example.com", "b@example.com"))

    assert failures(steps) == ["RCPT: 421 4.3.2: try later, takes no mail now"]
    assert steps[-1].name == "RCPT"


@looped
async def test_letters_beyond_ascii_are_announced() -> None:
    async with real() as server:
        await checked(server, recipients=("grüezi@example.com",))

    assert b"MAIL FROM:<> SMTPUTF8\r\n" in server.heard
    assert "RCPT TO:<grüezi@example.com>\r\n".encode() in server.heard


@looped
async def test_the_user_is_the_sender_when_it_is_an_address() -> None:
    answers: dict[str, list[Answer]] = {"EHLO": [b"250-x\r\n250 AUTH PLAIN\r\n"], "AUTH": [b"235 in\r\n"]}
    async with real(answers) as server:
        await checked(server, user="ann@example.com", password="x", tls=Security.OFF)

    assert b"MAIL FROM:<ann@example.com>\r\n" in server.heard
    assert b"RCPT TO:<postmaster>\r\n" in server.heard


def test_when_the_second_look_fails_the_first_verdict_stays() -> None:
    with Mailtrap() as mailtrap:
        mailtrap.fail("connect", "421 4.7.0 Only one", skip=1)
        steps = check(Options(host="127.0.0.1", port=mailtrap.port))

    assert failures(steps)[0].startswith("certificate: not trusted: ")
    assert steps[-1].why.endswith("connecting was answered by 421 4.7.0 Only one")


def test_nobody_is_there() -> None:
    refused = check(Options(host="127.0.0.1", port=(port := dead_port())))

    assert failures(refused) == [f"connect: nobody listens on port {port}"]


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (TimeoutError("timed out"), "no answer within 10 s"),
        (socket.gaierror(-2, "Name or service not known"), "nobody has the name mx.example.com"),
        (OSError(101, "Network is unreachable"), "not reachable: Network is unreachable"),
    ],
)
def test_why_nobody_is_there(error: OSError, verdict: str) -> None:
    said, advice = steps_module.unreachable(error, Options(host="mx.example.com"))

    assert said == verdict
    assert advice


def test_a_bad_file_of_authorities_is_an_error_of_the_user() -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        check(Options(host="127.0.0.1", ca_file="absent.pem"))


@pytest.mark.parametrize(("name", "said"), [("mx.example.com", "mx.example.com"), ("laptop", "[127.0.0.1]")])
def test_this_machine_is_named_as_ehlo_wants_it(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)
    assert steps_module.own_name() == said
