r"""SMTP conversations as data: each file under `dialogs/` is a behaviour, and saving one makes a test of a bug report.

A file is YAML up to a line `---`, then the conversation:

    C: text           the client sends this line, CRLF added
    C: "text\r\n"     the same in Python's notation: exactly these octets, no line end added
    S: text           the server sends this line; `*` stands for anything
    S: "text"         exactly these octets
    S: 250-... A !B   a reply of any number of lines, all with this code; one begins with the word A, none with B
    == closed         the server ends the connection; `== reset`: it breaks it
    == close          the client closes its side; `== leave`: the client breaks the connection
    == tls            a TLS handshake; `== tls-fails WORDS`: one that fails, for this reason
    == clock 5m       the manual clock moves on; `5m!`: as soon as somebody waits for it
    == fired RULE     wait until this rule has fired
    == refused        a new connection is refused until the clock moves on; `== open`: wait until the port is open again
    == unanswered     a new connection gets no answer at all until the clock moves on
    == reset-scenario counters and stalls begin again; `== release NAME`: a stall is released
    == connect        a new connection, the one before is closed; `== also`: one more, `== back`: it is closed again

The keys of the YAML: `shows` (a sentence), `scenario` (as in a scenario file), `settings` (of the service, and `plain`
for one without TLS, `implicit_tls` for the port where it comes first, `lmtp` for one of LMTP), `outcomes` (of the
transactions), `acknowledged` (of each), `messages` (the stored octets of each), `ending` (of the first session), and
`modes` where some cannot be run.

In place of `scenario`, `library` names one of the shipped ones, with its `params`; it runs on a manual clock. Such a
dialog shows what a correct client does, so what the scenario expects must hold of it; `fails` names what does not.

Every dialog runs whole, a line at a time; split, every octet in a segment of its own; pipelined, groups of commands in
one segment as RFC 2920 allows; and proxied, with the scenario in a proxy in front of a second server.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import fnmatch
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from mailtrap_py import ports
from mailtrap_py.cli.trial import Witness
from mailtrap_py.clock import ManualClock
from mailtrap_py.inbox import Inboxes
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.scenario.load import from_data, load
from mailtrap_py.scenario.quantities import parse_duration
from mailtrap_py.scenario.verdict import judge
from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.listening import turns
from mailtrap_py.smtp.lmtp import LmtpSession
from mailtrap_py.smtp.proxy import ProxySession
from mailtrap_py.smtp.server import Server
from mailtrap_py.smtp.service import AuthPolicy, Service
from mailtrap_py.smtp.session import Session
from mailtrap_py.smtp.tls import Authority
from mailtrap_py.smtp.upstream import Upstream
from mailtrap_py.store import Store

FOLDER = Path(__file__).with_name("dialogs")
MODES = ("whole", "split", "pipelined", "proxied")
PATIENCE = 30.0
"""Seconds after which a dialog that hangs is called hung."""

# RFC 2920, section 3.1: only these may be followed by another command in the same group.
GROUPED = ("MAIL", "RCPT", "RSET")


@dataclass(frozen=True)
class Dialog:
    """One file."""

    path: Path
    shows: str
    steps: tuple[tuple[str, str], ...]
    scenario: dict[str, Any] | None = None
    library: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    fails: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    outcomes: list[str] | None = None
    acknowledged: list[bool] | None = None
    messages: list[str] | None = None
    ending: str | None = None
    modes: tuple[str, ...] = MODES


def read(path: Path) -> Dialog:
    head, _, talk = path.read_text().partition("\n---\n")
    data = yaml.safe_load(head)
    steps = tuple((line[:2], line[3:]) for line in talk.splitlines() if line.strip() and not line.startswith("#"))
    wrong = [kind for kind, _ in steps if kind not in {"C:", "S:", "=="}]
    assert not wrong, f"{path.name}: a line begins with {wrong[0]!r}"
    return Dialog(path, steps=steps, **{**data, "modes": tuple(data.get("modes", MODES))})


DIALOGS = {path.stem: path for path in sorted(FOLDER.glob("*.txt"))}


def octets(text: str) -> bytes:
    """Read a step: Python's notation in quotes, else a line."""
    if text.startswith('"'):
        return bytes(ast.literal_eval(text), "utf-8", "surrogateescape") if "\\x" not in text else _latin(text)
    return f"{text}\r\n".encode()


def _latin(text: str) -> bytes:
    return bytes(ast.literal_eval(text), "latin-1")


def grouped(steps: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Move each command that may be pipelined to the one before it: replies come after the whole group."""
    result: list[tuple[str, str]] = []
    commands: list[tuple[str, str]] = []
    replies: list[tuple[str, str]] = []
    open_group = False
    for kind, text in steps:
        if kind == "C:" and not open_group:
            result += commands + replies
            commands, replies = [], []
        if kind == "==":
            result += [*commands, *replies, (kind, text)]
            commands, replies, open_group = [], [], False
        elif kind == "C:":
            commands.append((kind, text))
            open_group = text[:4].upper() in GROUPED
        else:
            replies.append((kind, text))
    return result + commands + replies


RUNS = [
    pytest.param(
        name,
        mode,
        id=f"{name}-{mode}",
        # The library shows scenarios, not the wire: that they run in every mode is checked with the slow tests.
        marks=[pytest.mark.slow] if name.startswith("library-") and mode != "whole" else [],
    )
    for name, path in DIALOGS.items()
    for mode in read(path).modes
    if mode != "pipelined" or grouped(read(path).steps) != list(read(path).steps)  # else it is the whole one once more
]


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until it holds. No time is waited; the limit of the step ends it if it never does."""
    while not condition():  # noqa: ASYNC110 - what is waited for is inside the server, and has no event
        await asyncio.sleep(0)


class Counted:
    """Counts what a session has received, so that a client can wait until an octet arrived alone."""

    received = 0


class CountedSession(Session):
    counted: Counted

    def data_received(self, data: bytes | memoryview) -> None:
        super().data_received(data)
        self.counted.received += len(data)


class CountedLmtp(LmtpSession):
    counted: Counted

    def data_received(self, data: bytes | memoryview) -> None:
        super().data_received(data)
        self.counted.received += len(data)


class CountedProxy(ProxySession):
    counted: Counted

    def data_received(self, data: bytes | memoryview) -> None:
        super().data_received(data)
        self.counted.received += len(data)


class Stage:
    """The server, the client's end, and the way through a dialog."""

    def __init__(self, dialog: Dialog, mode: str) -> None:
        self.dialog = dialog
        self.mode = mode
        self.store = Witness("sqlite://")
        self.inboxes = Inboxes()
        self.authority = Authority(("localhost",))
        self.counted = Counted()
        self.port = 0
        self.server: Server
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter | None = None
        self.others: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.sent = 0
        if dialog.scenario is not None:
            self.inboxes.get().use(from_data({"name": dialog.path.stem, **dialog.scenario}), seed=1)
        elif dialog.library:
            self.inboxes.get().use(load(dialog.library, params=dialog.params), seed=1, clock=ManualClock())

    async def play(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            settings = dict(self.dialog.settings)
            if "auth" in settings:
                settings["auth"] = AuthPolicy(settings["auth"])
            plain = settings.pop("plain", False)
            port = {"implicit_tls": settings.pop("implicit_tls", False), "lmtp": settings.pop("lmtp", False)}
            shared = {"tls": None if plain else self.authority.context, **settings}
            upstream = None
            if self.mode == "proxied":
                behind = Store()
                stack.callback(behind.close)
                server = Server(Service(record=behind, inboxes=Inboxes(), **{**shared, "tls": None}))
                upstream = Upstream("127.0.0.1", await self._listen(server))
                stack.push_async_callback(server.close)
            service = Service(record=self.store, inboxes=self.inboxes, upstream=upstream, **shared)
            server = self.server = Server(service)
            counted = CountedProxy if upstream else CountedSession
            self.port = await self._listen(server, counted=counted, **port)
            stack.push_async_callback(server.close)
            steps = grouped(self.dialog.steps) if self.mode == "pipelined" else list(self.dialog.steps)
            if self.inboxes.get().director.scenario.begin is None:  # else the port is closed
                await self._connect()
            stack.callback(self._hang_up)
            for number, (kind, text) in enumerate(steps):
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._step(kind, text)
                except TimeoutError:
                    pytest.fail(f"step {number}, {kind} {text}: nothing came for {PATIENCE:g} s")
            self._hang_up()
            await self._all_over(server)
            for writer in self.writers:
                writer.transport.abort()  # under TLS closing takes two, and the other one may be gone
            await turns()
        self._check()
        if self.dialog.library and self.mode == "whole":
            self._judge()
        self.store.close()

    async def _listen(self, server: Server, *, counted: type[Conversation] | None = None, **port: bool) -> int:
        if counted is not None:  # to know what the sessions have received
            kind = type(counted.__name__, (counted,), {"counted": self.counted})
            server._kind = cast("type[Session]", kind)  # noqa: SLF001
            CountedLmtp.counted = self.counted
            server._lmtp_kind = CountedLmtp  # noqa: SLF001
        return (await server.listen(ports.bind(["127.0.0.1"], 0, purpose="smtp-port"), **port)).number

    async def _all_over(self, server: Server) -> None:
        tasks = [session.task for session in list(server._sessions)]  # noqa: SLF001
        if tasks:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*tasks)

    async def _connect(self) -> None:
        self._hang_up()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(self.writer)
        self.sent = self.counted.received

    def _hang_up(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    async def _step(self, kind: str, text: str) -> None:
        match kind:
            case "C:":
                await self._send(octets(text))
            case "S:":
                await self._expect(text)
            case _ if self.writer is None:
                await self._do_alone(*text.split(maxsplit=1))
            case _:
                await self._do(*text.split(maxsplit=1))

    async def _do_alone(self, word: str, argument: str = "") -> None:
        if word == "connect":
            await self._connect()
        else:
            await self._do_to_scenario(word, argument)

    async def _send(self, data: bytes) -> None:
        assert self.writer is not None
        if self.mode != "split":
            self.writer.write(data)
            await self.writer.drain()
            self.sent += len(data)
            return
        for number in range(len(data)):
            self.writer.write(data[number : number + 1])
            self.sent += 1
            await until(self._arrived)

    def _arrived(self) -> bool:
        over = self.reader.at_eof() or self.writer is None or self.writer.is_closing()
        return over or self.counted.received >= self.sent

    async def _expect(self, text: str) -> None:
        if text.startswith('"'):
            wanted = octets(text)
            got = await self.reader.readexactly(len(wanted))
            assert got == wanted
            return
        if text[3:7] == "-...":
            await self._expect_lines(text[:3], text[7:].split())
            return
        line = await self.reader.readuntil(b"\n")
        assert line.endswith(b"\r\n"), f"expected {text!r}, and {line!r} has no CRLF"
        said = line[:-2].decode("utf-8", "surrogateescape")
        assert fnmatch.fnmatchcase(said, text.replace("[", "[[]")), f"expected {text!r}, got {said!r}"

    async def _expect_lines(self, code: str, words: list[str]) -> None:
        lines: list[str] = []
        while not lines or lines[-1].startswith(f"{code}-"):
            lines.append((await self.reader.readuntil(b"\r\n")).decode())
        assert lines[-1].startswith(f"{code} ")
        keywords = {(line[4:].split() or [""])[0] for line in lines}
        assert [word for word in words if (word.lstrip("!") in keywords) is word.startswith("!")] == [], keywords

    async def _do(self, word: str, argument: str = "") -> None:
        assert self.writer is not None
        match word:
            case "closed":
                assert await self.reader.read() == b""
            case "reset":
                with pytest.raises(ConnectionResetError):
                    await self.reader.readexactly(1)
            case "close":
                self.writer.write_eof()
            case "leave":
                self.writer.transport.abort()
            case "tls":
                await self._shake_hands(self.writer)
            case "tls-fails":
                with pytest.raises(OSError, match=argument or None):  # ssl.SSLError is one, and so is a lost connection
                    await self._shake_hands(self.writer)
            case "connect":
                await self._connect()
            case "also":
                self.others.append((self.reader, self.writer))
                self.writer = None
                await self._connect()
            case "back":
                self._hang_up()
                self.reader, self.writer = self.others.pop()
            case _:
                await self._do_to_scenario(word, argument)

    async def _shake_hands(self, writer: asyncio.StreamWriter) -> None:
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        await writer.start_tls(context, server_hostname="localhost")

    async def _do_to_scenario(self, word: str, argument: str) -> None:
        inbox = self.inboxes.get()
        match word:
            case "clock":
                clock = inbox.clock
                assert isinstance(clock, ManualClock)
                await until(lambda: clock.sleepers or not argument.endswith("!"))
                clock.advance(parse_duration(argument.rstrip("!")))
            case "refused":
                await until(lambda: isinstance(inbox.clock, ManualClock) and inbox.clock.sleepers)
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", self.port)
            case "unanswered":
                await until(lambda: isinstance(inbox.clock, ManualClock) and inbox.clock.sleepers)
                with pytest.raises(TimeoutError):  # the kernel answers within the call, or not at all
                    async with asyncio.timeout(0.1):
                        await asyncio.open_connection("127.0.0.1", self.port)
            case "open":
                closing = self.server._closing  # noqa: SLF001 - it has no event
                await until(lambda: closing and all(task.done() for task in closing.values()))
            case "fired":
                states = {state.rule.id: state for state in inbox.director.rules()}
                await until(lambda: states[argument].fired)
            case "reset-scenario":
                await until(inbox.stalled)
                inbox.reset()
            case "release":
                await until(lambda: inbox.stalled(argument))
                inbox.release(argument)
            case _:
                pytest.fail(f"nobody knows '== {word}'")

    def _check(self) -> None:
        dialog, store = self.dialog, self.store
        transactions = store.transactions()
        if dialog.outcomes is not None:
            assert [str(one.outcome) for one in transactions] == dialog.outcomes
        if dialog.acknowledged is not None:
            assert [one.acknowledged for one in transactions] == dialog.acknowledged
        if dialog.messages is not None:
            stored = [store.raw(one.id) for one in reversed(store.messages().items)]
            assert stored == [octets(f'"{text}"') for text in dialog.messages]
        sessions = store.sessions().items
        assert all(session.ending for session in sessions), "a session is still open in the record"
        if dialog.ending is not None:
            assert sessions[-1].ending == dialog.ending

    def _judge(self) -> None:
        inbox = self.inboxes.get()
        evidence = Evidence.gather(self.store.events, until=inbox.clock.now())
        failed = judge(inbox.director.scenario, evidence).failures
        words = "\n".join(map(str, failed))
        assert [result.expectation.partition(":")[0] for result in failed] == list(self.dialog.fails), words
        assert [state.rule.id for state in inbox.director.rules() if not state.fired] == [], "not all of it is shown"


@pytest.mark.parametrize(("name", "mode"), RUNS)
def test_dialog(name: str, mode: str) -> None:
    dialog = read(DIALOGS[name])
    asyncio.run(Stage(dialog, mode).play(), debug=False)


def test_every_dialog_says_what_it_shows() -> None:
    assert len(DIALOGS) >= 30
    assert [name for name, path in DIALOGS.items() if not read(path).shows] == []


def test_groups_are_those_of_the_rfc() -> None:
    steps = (
        ("S:", "220"),
        ("C:", "MAIL x"),
        ("S:", "250"),
        ("C:", "RCPT y"),
        ("S:", "250"),
        ("C:", "DATA"),
        ("S:", "354"),
    )
    assert grouped(steps) == [
        ("S:", "220"),
        ("C:", "MAIL x"),
        ("C:", "RCPT y"),
        ("C:", "DATA"),
        ("S:", "250"),
        ("S:", "250"),
        ("S:", "354"),
    ]
