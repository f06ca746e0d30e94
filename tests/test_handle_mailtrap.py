from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from mailtrap_py import Mailtrap, Settings
from mailtrap_py.clock import ManualClock, RealClock
from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.handle import PRIVATE, Limits, NotReceivedError, Wanted
from mailtrap_py.scenario import from_data
from mailtrap_py.store import MessageSummary, Page, Query, Store
from tests.connected import PATIENCE, looped
from tests.served import mail, started

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
REFUSED = smtplib.SMTPRecipientsRefused
BUSY = "450 4.2.0 Busy"
SCENARIO = {
    "name": "busy",
    "seed": 7,
    "params": {"times": 1},
    "rules": [{"id": "busy", "at": "rcpt", "count": {"times": "${times}"}, "do": [{"reply": BUSY}]}],
}
MANUAL = {"name": "still", "clock": "manual", "rules": []}


@pytest.fixture
def trap() -> Iterator[Mailtrap]:
    with Mailtrap() as trap:
        yield trap


def send(trap: Mailtrap, to: str = BOB, *, sender: str = ANN, subject: str = "Hello") -> None:
    """Send a message as an application does."""
    with smtplib.SMTP(trap.host, trap.port, local_hostname="app", timeout=PATIENCE) as client:
        client.sendmail(sender, to, f"From: {sender}\nSubject: {subject}\n\nHello\n")


def refused(trap: Mailtrap, number: int, to: str = BOB) -> list[bool]:
    """Send so many messages; tell which were refused."""

    def once() -> bool:
        try:
            send(trap, to)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused):
            return True
        return False

    return [once() for _ in range(number)]


@contextlib.contextmanager
def in_background(work: Callable[[], None]) -> Iterator[Future[None]]:
    """Do it on a thread; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        yield doing
        doing.result(PATIENCE)


def until(condition: Callable[[], object]) -> None:
    """Wait for what has no event of its own."""
    never = threading.Event()
    for _ in range(int(PATIENCE / 0.001)):
        if condition():
            return
        never.wait(0.001)
    pytest.fail("it never came to that")


def manual(trap: Mailtrap) -> ManualClock:
    clock = trap.inbox.clock
    assert isinstance(clock, ManualClock)
    return clock


# -- its life


def test_without_settings_it_takes_free_ports_of_this_machine(trap: Mailtrap) -> None:
    assert trap.trap.settings == PRIVATE
    assert trap.host == "127.0.0.1"
    assert trap.port
    assert trap.smtps_port
    assert trap.port != trap.smtps_port


def test_settings_that_are_given_are_used() -> None:
    with Mailtrap(Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")) as trap:
        assert trap.smtps_port is None
        assert trap.url == f"http://127.0.0.1:{trap.trap.http_port}"


def test_one_that_runs_may_be_started_again() -> None:
    threads = set(threading.enumerate())
    with Mailtrap().start() as trap:
        port = trap.port
        assert trap.start() is trap
        assert trap.port == port
        send(trap)

    assert set(threading.enumerate()) <= threads


def test_closing_twice_or_without_a_start_is_harmless() -> None:
    trap = Mailtrap()
    trap.close()
    port = trap.start().port

    trap.close()
    trap.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_it_can_be_started_again_after_its_end() -> None:
    trap = Mailtrap()
    for _ in range(2):
        with trap:
            assert httpx.get(f"{trap.url}/livez", trust_env=False).status_code == 200
            send(trap)
            assert len(trap.messages) == 1


@looped
async def test_a_thread_whose_loop_runs_may_use_it() -> None:
    with Mailtrap() as trap:
        send(trap)
        assert trap.wait_for(to=BOB).subject == "Hello"
        assert trap.url


@pytest.mark.parametrize(
    "use",
    [
        lambda trap: trap.messages,
        lambda trap: trap.find(to=BOB),
        lambda trap: trap.wait_for(to=BOB),
        lambda trap: trap.sessions,
        lambda trap: trap.transactions(),
        lambda trap: trap.url,
        lambda trap: trap.reset(),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_before_the_start_and_after_the_end_there_is_nothing_to_ask(
    use: Callable[[Mailtrap], object], *, closed: bool
) -> None:
    trap = Mailtrap()
    if closed:
        trap.start().close()

    with pytest.raises(RuntimeError, match="not"):
        use(trap)


@pytest.mark.parametrize(
    ("setting", "kind"), [({"smtps_port": None}, SettingError), ({"scenario": "no-such-scenario"}, ScenarioError)]
)
def test_what_keeps_it_from_starting_leaves_nothing_behind(setting: dict[str, object], kind: type[Exception]) -> None:
    threads = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        trap = Mailtrap(PRIVATE.changed(smtp_port=taken.getsockname()[1], **setting))
        with pytest.raises(kind):
            trap.start()

    assert set(threading.enumerate()) <= threads
    with pytest.raises(RuntimeError, match="not"):
        trap.reset()
    trap.close()
    if kind is SettingError:  # the port is free by now
        trap.start().close()


def test_a_store_that_is_given_stays_open() -> None:
    with contextlib.closing(Store()) as store:
        with Mailtrap(store=store) as trap:
            send(trap)

        assert store.messages().total == 1
        assert [message.subject for message in trap.messages] == ["Hello"]


# -- reset


def test_a_reset_makes_it_as_new(trap: Mailtrap) -> None:
    before = trap.port, trap.smtps_port, trap.url
    trap.scenario({**MANUAL, "rules": SCENARIO["rules"], "params": SCENARIO["params"]})
    trap.fail("mail", BUSY, times=1)
    assert refused(trap, 3) == [True, True, False]

    trap.reset()

    assert [*trap.messages, *trap.sessions, *trap.transactions()] == []
    assert (trap.port, trap.smtps_port, trap.url) == before
    assert trap.inbox.director.scenario.name == "none"
    assert trap.inbox.director.rules() == ()
    assert isinstance(trap.inbox.clock, RealClock)
    send(trap)
    assert [session.facts.number for session in trap.sessions] == [1]


def test_a_reset_clears_every_inbox(trap: Mailtrap) -> None:
    other = trap.trap.inboxes.create("other")
    other.use(from_data(SCENARIO))

    trap.reset()

    assert other.director.rules() == ()


def test_a_reset_ends_the_sessions_that_are_open(trap: Mailtrap) -> None:
    with smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client:
        client.ehlo()

        trap.reset()

        assert trap.sessions == []
        assert client.getreply()[0] == 421
        client.close()


def test_a_reset_lets_go_who_waits_for_a_reply(trap: Mailtrap) -> None:
    trap.fail("data", "stall")

    def be_stalled() -> None:
        with pytest.raises(smtplib.SMTPException):
            send(trap)

    with in_background(be_stalled):
        until(trap.inbox.stalled)
        trap.reset()


# -- TLS and HTTP


def test_a_client_that_trusts_it_likes_its_certificate(trap: Mailtrap) -> None:
    context = trap.ssl_context()
    assert trap.authority_pem.startswith(b"-----BEGIN CERTIFICATE-----")

    with smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client:
        assert client.starttls(context=context)[0] == 220
        client.sendmail(ANN, BOB, "Subject: STARTTLS\n\n")
    with smtplib.SMTP_SSL(trap.host, trap.smtps_port or 0, context=context, timeout=PATIENCE) as client:
        client.sendmail(ANN, BOB, "Subject: SMTPS\n\n")

    assert [(message.subject, message.tls[:3]) for message in trap.messages] == [("STARTTLS", "TLS"), ("SMTPS", "TLS")]


def test_a_client_that_does_not_trust_it_refuses_its_certificate(trap: Mailtrap) -> None:
    with (
        smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=ssl.create_default_context())


def test_its_context_checks_the_name(trap: Mailtrap) -> None:
    with (
        socket.create_connection((trap.host, trap.smtps_port or 0), timeout=PATIENCE) as connection,
        pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"),
    ):
        trap.ssl_context().wrap_socket(connection, server_hostname="elsewhere.example")


def test_http_is_opened_when_it_is_asked_for(trap: Mailtrap) -> None:
    assert trap.trap.http_port is None

    with ThreadPoolExecutor(4) as pool:
        (url,) = set(pool.map(lambda _: trap.url, range(4)))

    send(trap)
    (item,) = httpx.get(f"{url}/api/messages", trust_env=False).json()["items"]
    assert item["id"] == trap.messages[0].id
    assert trap.url == url


# -- what came


def test_messages_are_given_oldest_first(trap: Mailtrap) -> None:
    for subject in ("one", "two", "three"):
        send(trap, subject=subject)

    assert [message.subject for message in trap.messages] == ["one", "two", "three"]


def test_all_is_given_however_much_there_is(trap: Mailtrap) -> None:
    """More than the record gives at once: a page is of a thousand."""
    for number in range(1, 1003):
        trap.trap.store.add(started(f"s{number}", number=number))
        trap.trap.store.add(mail(session=f"s{number}", name=f"m{number}"))

    assert [message.id for message in trap.messages] == [f"m{number}" for number in range(1, 1003)]
    assert [session.id for session in trap.sessions] == [f"s{number}" for number in range(1, 1003)]


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({}, ["Hello Bob", "Hello Eve"]),
        ({"to": BOB}, ["Hello Bob"]),
        ({"to": "*@EXAMPLE.com"}, ["Hello Bob", "Hello Eve"]),
        ({"to": "/^e/"}, ["Hello Eve"]),
        ({"from_": EVE}, ["Hello Bob"]),
        ({"subject": "eve"}, ["Hello Eve"]),
        ({"subject": "*bob"}, ["Hello Bob"]),
        ({"to": BOB, "from_": ANN}, []),
    ],
)
def test_messages_are_found_by_patterns(trap: Mailtrap, sought: Wanted, found: list[str]) -> None:
    send(trap, BOB, sender=EVE, subject="Hello Bob")
    send(trap, EVE, sender=ANN, subject="Hello Eve")

    assert [message.subject for message in trap.find(**sought)] == found


def test_a_pattern_that_is_none_is_refused(trap: Mailtrap) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        trap.find(to="/(/")


def test_sessions_are_given_oldest_first(trap: Mailtrap) -> None:
    for _ in range(2):
        send(trap)

    assert [session.facts.number for session in trap.sessions] == [1, 2]
    assert "c: rcpt to:<bob@example.com>" in trap.sessions[0].transcript.lower()  # in either case, by Python's version


def test_transactions_that_were_refused_are_there_too(trap: Mailtrap) -> None:
    trap.fail("message", "554 5.7.1 No", to=EVE)
    send(trap)
    with pytest.raises(smtplib.SMTPDataError):
        send(trap, EVE)
    send(trap, sender=EVE)

    assert trap.transactions().outcomes == ["accepted", "rejected", "accepted"]
    assert trap.transactions(to=EVE).outcomes == ["rejected"]
    assert trap.transactions(from_=EVE).outcomes == ["accepted"]
    assert trap.transactions(to=EVE, from_=EVE) == []


# -- waiting


class Watched(Store):
    """A store that tells when somebody has looked for messages."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = threading.Event()

    def messages(self, query: Query = Query(), *, limit: int = 50, before: int | None = None) -> Page[MessageSummary]:  # noqa: B008 - as the store has it
        page = super().messages(query, limit=limit, before=before)
        self.looked.set()
        return page


@pytest.fixture
def watched() -> Iterator[Watched]:
    with contextlib.closing(Watched()) as store:
        yield store


def test_a_message_that_is_there_is_given_at_once_the_oldest_first(trap: Mailtrap) -> None:
    send(trap, EVE)
    send(trap, subject="first")
    send(trap, subject="second")

    assert trap.wait_for(to=BOB, timeout=0).subject == "first"


def test_a_message_that_comes_later_ends_the_wait(watched: Watched) -> None:
    with Mailtrap(store=watched) as trap:

        def send_later() -> None:
            watched.looked.wait(PATIENCE)
            send(trap, EVE)
            send(trap, subject="later")

        with in_background(send_later):
            message = trap.wait_for(to=BOB)

        assert message.subject == "later"
        assert message.raw.endswith(b"Hello\r\n")


def test_with_after_only_later_ones_are_meant(watched: Watched) -> None:
    with Mailtrap(store=watched) as trap:
        send(trap, subject="first")
        send(trap, subject="second")
        first = trap.wait_for(to=BOB)
        second = trap.wait_for(to=BOB, after=first)
        assert (first.subject, second.subject) == ("first", "second")
        watched.looked.clear()

        def send_later() -> None:
            watched.looked.wait(PATIENCE)
            send(trap, subject="third")

        with in_background(send_later):
            assert trap.wait_for(to=BOB, after=second).subject == "third"


def test_several_threads_may_wait(watched: Watched) -> None:
    with Mailtrap(store=watched) as trap, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(trap.wait_for, to=to) for to in (BOB, EVE)]
        send(trap, EVE)
        send(trap, BOB)

        assert [one.result(PATIENCE).envelope.recipients for one in waiting] == [(BOB,), (EVE,)]


def test_when_nothing_comes_the_error_says_so(trap: Mailtrap) -> None:
    with pytest.raises(NotReceivedError) as caught:
        trap.wait_for(timeout=0.01)

    assert isinstance(caught.value, AssertionError)
    said = f"no client has connected to {trap.host}:{trap.port}: is this where the application sends its mail?"
    assert str(caught.value).splitlines() == ["no message came within 0.01 s", "none came at all", said]


def test_when_others_came_the_error_tells_why_they_were_not_meant(trap: Mailtrap) -> None:
    send(trap)
    trap.fail("message", "554 5.7.1 No", to=EVE)
    with pytest.raises(smtplib.SMTPDataError):
        send(trap, EVE)
    with smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client:
        client.ehlo()
        client.mail("")
        client.rset()

    with pytest.raises(NotReceivedError) as caught:
        trap.wait_for(to=EVE, from_="*@example.com", subject="Hi", timeout=0)

    assert str(caught.value).splitlines()[:6] == [
        "no message with to 'eve@example.com', from '*@example.com', subject 'Hi' came within 0 s",
        "1 came that was not meant:",
        f"  {trap.messages[0]!r}: recipient is 'bob@example.com', not 'eve@example.com'; subject is 'Hello', not 'Hi'",
        "  rejected transaction from 'ann@example.com' to eve@example.com: 554 5.7.1 No [added-1]",
        "  aborted transaction from '' to nobody yet: RSET ended it",
        "the last of 3 sessions:",
    ]


def test_the_error_shows_the_last_few(trap: Mailtrap) -> None:
    for number in range(6):
        trap.trap.store.add(mail(name=f"m{number}", to=f"{number}@example.com"))

    with pytest.raises(NotReceivedError, match="6 came that were not meant") as caught:
        trap.wait_for(to=EVE, timeout=0)

    assert [f"not {EVE!r}" in line for line in str(caught.value).splitlines()] == [False, False, *5 * [True], False]
    assert "0@example.com" not in str(caught.value)


# -- scenarios


def test_a_scenario_of_the_library_plays_with_its_parameters(trap: Mailtrap) -> None:
    playing = trap.scenario("greylisting", wait="5m")

    assert refused(trap, 2) == [True, True]
    assert [state.fired for state in playing.rules] == [2]


@pytest.mark.parametrize("form", ["mapping", "path", "name of a file", "scenario"])
def test_a_scenario_may_be_given_in_many_forms(trap: Mailtrap, tmp_path: Path, form: str) -> None:
    file = tmp_path / "busy.yaml"
    file.write_text('{name: busy, seed: 7, rules: [{at: rcpt, count: {times: 1}, do: [{reply: "450 4.2.0 Busy"}]}]}')
    source = {"mapping": SCENARIO, "path": file, "name of a file": str(file), "scenario": from_data(SCENARIO)}[form]

    playing = trap.scenario(source)  # type: ignore[arg-type]  # mypy joins the four kinds to object

    assert playing.seed == trap.inbox.seed == 7
    assert refused(trap, 2) == [True, False]


def test_a_mapping_takes_parameters(trap: Mailtrap) -> None:
    trap.scenario(SCENARIO, times=2)

    assert refused(trap, 3) == [True, True, False]


def test_a_scenario_that_is_complete_takes_none(trap: Mailtrap) -> None:
    with pytest.raises(ScenarioError, match="'busy' has its parameters"):
        trap.scenario(from_data(SCENARIO), times=2)

    assert trap.inbox.director.scenario.name == "none"


def test_an_unknown_scenario_is_refused(trap: Mailtrap) -> None:
    with pytest.raises(ScenarioError, match="greylisting"):
        trap.scenario("greylistin")


def test_a_scenario_ends_with_its_block(trap: Mailtrap) -> None:
    with trap.scenario(SCENARIO, times=99) as playing:
        assert refused(trap, 1) == [True]
        assert [view.id for view in playing.rules] == ["busy"]

    assert refused(trap, 1) == [False]
    assert trap.inbox.director.scenario.name == "none"


def test_the_clock_is_the_scenarios(trap: Mailtrap) -> None:
    trap.scenario(MANUAL)
    trap.fail("rcpt", {"delay": "10m"}, times=1)

    with in_background(lambda: send(trap)) as sending:
        until(lambda: manual(trap).sleepers)
        assert not sending.done()
        manual(trap).advance(600)

    assert len(trap.messages) == 1


# -- faults


def test_a_fault_counts_how_often_it_acted(trap: Mailtrap) -> None:
    fault = trap.fail("rcpt", "550 5.1.1 No such user", to="bob@*")
    assert fault.fired == 0

    with pytest.raises(REFUSED, match="No such user"):
        send(trap)
    send(trap, EVE)

    assert fault.fired == 1
    assert any(line.rule == fault.id for line in trap.sessions[0].lines)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [True, True, True, True]),
        ({"times": 1}, [True, False, False, False]),
        ({"skip": 1, "times": 2}, [False, True, True, False]),
        ({"every": 2}, [False, True, False, True]),
        ({"nth": [1, 4]}, [True, False, False, True]),
        ({"chance": "4 of 4"}, [True, True, True, True]),
        ({"times": 1, "per": "session"}, [True, True, True, True]),
        ({"limit": {"n": 2, "window": "1h"}}, [False, False, True, True]),
        ({"concurrent": 99}, [False, False, False, False]),
        ({"session_number": ">2"}, [False, False, True, True]),
        ({"not_": {"to": BOB}}, [False, False, False, False]),
        ({"helo": "app", "times": 1}, [True, False, False, False]),
    ],
)
def test_limits_are_matchers_and_counts(trap: Mailtrap, limits: Limits, expected: list[bool]) -> None:
    trap.fail("rcpt", BUSY, **limits)

    assert refused(trap, 4) == expected


def test_words_that_python_keeps_have_an_underscore(trap: Mailtrap) -> None:
    trap.scenario(MANUAL)
    trap.fail("mail", BUSY, from_="ann@*", for_="10s")
    assert refused(trap, 2) == [True, True]
    send(trap, sender=EVE)

    manual(trap).advance(10)

    assert refused(trap, 1) == [False]


def test_a_fault_takes_several_actions(trap: Mailtrap) -> None:
    trap.fail("message", "accept", {"close": "reset"}, times=1)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(trap)

    assert [message.subject for message in trap.messages] == ["Hello"]
    assert trap.transactions()[0].acknowledged is False


def test_a_fault_takes_bare_words(trap: Mailtrap) -> None:
    trap.fail("message", "discard")

    send(trap)

    assert trap.messages == []


def test_a_fault_that_makes_no_sense_is_refused(trap: Mailtrap) -> None:
    for at, do, limits in (
        ("rcptt", BUSY, {}),
        ("rcpt", "closse", {}),
        ("rcpt", BUSY, {"timess": 1}),
        ("rcpt", BUSY, {"times": 0}),
    ):
        with pytest.raises(ScenarioError):
            trap.fail(at, do, **limits)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ScenarioError):
        trap.fail("rcpt")

    assert trap.inbox.director.rules() == ()


def test_a_fault_comes_before_the_scenario(trap: Mailtrap) -> None:
    trap.scenario(SCENARIO)
    trap.fail("rcpt", "550 5.1.1 No such user", times=1)

    with pytest.raises(REFUSED, match="No such user"):
        send(trap)
    with pytest.raises(REFUSED, match="Busy"):
        send(trap)


def test_a_fault_can_be_taken_away(trap: Mailtrap) -> None:
    fault = trap.fail("rcpt", BUSY)
    assert refused(trap, 1) == [True]

    fault.remove()
    fault.remove()

    assert refused(trap, 1) == [False]
    assert fault.fired == 1


def test_a_fault_ends_with_its_block(trap: Mailtrap) -> None:
    with trap.fail("rcpt", BUSY) as fault:
        assert refused(trap, 1) == [True]

    assert refused(trap, 1) == [False]
    assert fault.fired == 1


def test_a_fault_that_a_reset_took_away_does_not_take_another_with_it(trap: Mailtrap) -> None:
    with trap.fail("rcpt", BUSY) as gone:
        trap.reset()
        other = trap.fail("rcpt", BUSY)
        assert other.id == gone.id

    assert refused(trap, 1) == [True]
