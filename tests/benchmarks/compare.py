"""Compare this server with two others on this machine, in one run: `python tests/benchmarks/compare.py [--quick]`.

Postfix's smtp-source sends the same mail to all servers, each a process of its own that is started anew for every
measurement. It knows no TLS: the load with STARTTLS is sent by a client in this file.

- `smtp-sink`, Postfix's sink, in C: it reads mail and forgets it. About the most that this machine can do.
- `aiosmtpd` as it comes, every message kept in a list: what a Python server takes that stores and shows nothing.
- `mailtrap-py, memory` and `mailtrap-py, file`: this server. Before a 250 the message is in its database; in a file it
  outlives the process.
- `mailtrap-py, proxy`: this server in front of a `smtp-sink`, which gets all mail, and is compared with one alone.

Rates are medians of several rounds, and every round visits all servers: a machine that slows down slows all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, Envelope, Session

MEGABYTE = 1_000_000
LIMIT = 60 * MEGABYTE  # of a message, for the server that asks for one
START = 20.0  # seconds until a server has to answer
TIMEOUT = 300.0  # seconds for one measurement
REFERENCES = ("smtp-sink", "aiosmtpd")
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])

Start = Callable[[Path], AbstractContextManager[int]]  # given an empty folder, a server that runs on a port


_ALONE = (*REFERENCES, "mailtrap-py, memory", "mailtrap-py, file")


@dataclass(frozen=True, slots=True)
class Load:
    """What smtp-source sends: so many messages of so many octets of text, in so many sessions at once."""

    name: str
    messages: int
    octets: int
    sessions: int
    kept_open: bool
    unit: str = "messages/s"
    starttls: bool = False
    servers: tuple[str, ...] = _ALONE

    def rate(self, seconds: float) -> float:
        """Turn the time of a round into the figure that is compared."""
        return self.messages / seconds * (self.octets / MEGABYTE if self.unit == "MB/s" else 1)

    def send(self, port: int) -> float:
        """Send it, and give the seconds that it took. Exits when the server refused anything."""
        amount = ["-s", str(self.sessions), "-m", str(self.messages), "-l", str(self.octets)]
        command = [
            *(program("smtp-source"), *(["-d"] if self.kept_open else []), *amount),  # -d: don't disconnect each time
            *("-M", "client.example", "-f", "ann@example.com", "-t", "bob@example.com", f"127.0.0.1:{port}"),
        ]
        if self.starttls:
            numbers = map(str, (port, self.messages, self.sessions, self.octets))
            command = [sys.executable, __file__, "--starttls-client", *numbers]
        begin = time.perf_counter()
        sent = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        seconds = time.perf_counter() - begin
        if sent.returncode:
            sys.exit(f"{' '.join(command)}: {sent.stderr.strip()}")
        return seconds


LOADS = (
    Load(
        "5 KB messages, 10 sessions kept open", 5000, 5000, 10, kept_open=True, servers=(*_ALONE, "mailtrap-py, proxy")
    ),
    Load(
        "5 KB messages, 10 sessions kept open, for ten seconds and more",
        *(40_000, 5000, 10),
        kept_open=True,
        servers=("smtp-sink", "mailtrap-py, memory", "mailtrap-py, file"),
    ),
    Load("5 KB messages, a connection for each, 10 at once", 2500, 5000, 10, kept_open=False),
    Load("10 MB messages, 1 session", 10, 10 * MEGABYTE, 1, kept_open=True, unit="MB/s"),
    Load(
        "5 KB messages, a connection with STARTTLS for each, 10 at once",
        *(1000, 5000, 10),
        kept_open=False,
        starttls=True,
        servers=_ALONE[1:],
    ),
)


def program(name: str) -> str:
    """Find a program of Postfix. Exits with a sentence when it is not installed."""
    return shutil.which(name, path=_PATH) or sys.exit(f"{name} is not installed; it is part of Postfix")


@contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a server, and end it afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(START)
            except subprocess.TimeoutExpired:
                server.kill()


@contextmanager
def announced(command: list[str], pattern: str) -> Iterator[int]:
    """Start a server whose first line tells its port."""
    with process(command) as server:
        line = server.stdout.readline() if server.stdout else ""
        found = re.search(pattern, line)
        if found is None:
            sys.exit(f"{' '.join(command)} did not start: {line!r}")
        yield int(found[1])


@contextmanager
def smtp_sink(_: Path) -> Iterator[int]:
    """Start Postfix's sink: it cannot pick a port, nor say when it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to stay root
    with process([program("smtp-sink"), *user, f"127.0.0.1:{port}", "100"]):
        deadline = time.monotonic() + START
        while not listens(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield port


def listens(port: int) -> bool:
    """Try whether a connection to the port succeeds."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def aiosmtpd(_: Path) -> AbstractContextManager[int]:
    """Start the stock server, which this file is too."""
    return announced([sys.executable, __file__, "--stock-aiosmtpd"], r"(\d+)")


def mailtrap(store: str, *more: str) -> Start:
    """Start this server by its own command, without HTTP: nobody looks while it is measured."""

    def start(folder: Path) -> AbstractContextManager[int]:
        flags = ["--host", "127.0.0.1", "--smtp-port", "0", "--smtps-port", "off", "--http-port", "off", *more]
        command = [sys.executable, "-m", "mailtrap_py", "serve", *flags, "--store", store.format(folder=folder)]
        return announced(command, r"smtp://[^\s,]*:(\d+)")

    return start


@contextmanager
def proxy(folder: Path) -> Iterator[int]:
    """Start this server in front of a sink, with a record in memory."""
    with smtp_sink(folder) as behind, mailtrap("sqlite://", "--upstream", f"127.0.0.1:{behind}")(folder) as port:
        yield port


SERVERS: dict[str, Start] = {
    "smtp-sink": smtp_sink,
    "aiosmtpd": aiosmtpd,
    "mailtrap-py, memory": mailtrap("sqlite://"),
    "mailtrap-py, file": mailtrap("{folder}/mail.db"),
    "mailtrap-py, proxy": proxy,
}


async def serve_stock_aiosmtpd() -> None:
    """Serve as the stock class does, and print the port."""
    kept: list[Envelope] = []

    class Keep:
        async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
            kept.append(envelope)
            return "250 OK"

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        # The host name is given because the stock class would ask the DNS for it, on every connection.
        lambda: SMTP(
            Keep(), data_size_limit=LIMIT, enable_SMTPUTF8=True, hostname="localhost", loop=loop, tls_context=context
        ),
        "127.0.0.1",
        0,
        backlog=100,
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def send_by_starttls(port: int, messages: int, sessions: int, octets: int) -> None:
    """Send so many messages, each by a connection of its own under TLS. Raises `OSError` for what is refused."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    message = b"Subject: Hello\r\n\r\n" + (b"X" * 70 + b"\r\n") * (octets // 72) + b".\r\n"
    commands = (b"EHLO c\r\n", b"MAIL FROM:<ann@example.com>\r\n", b"RCPT TO:<bob@example.com>\r\n", b"DATA\r\n")

    def ask(connection: socket.socket, data: bytes, *, wanted: bytes) -> None:
        connection.sendall(data)
        reply = b""
        while not re.search(rb"^\d{3} .*\r\n\Z", reply, re.MULTILINE):
            heard = connection.recv(4096)
            reply += heard
            if not heard or not reply.startswith(wanted):
                raise OSError(f"{data[:20]!r} was answered by {reply!r}")

    def send(_: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as clear:
            ask(clear, b"", wanted=b"2")
            ask(clear, b"EHLO c\r\n", wanted=b"2")
            ask(clear, b"STARTTLS\r\n", wanted=b"2")
            with context.wrap_socket(clear) as secured:
                for command in commands:
                    ask(secured, command, wanted=b"3" if command.startswith(b"DATA") else b"2")
                ask(secured, message, wanted=b"2")
                ask(secured, b"QUIT\r\n", wanted=b"2")

    with ThreadPoolExecutor(sessions) as threads:
        list(threads.map(send, range(messages)))


@dataclass(frozen=True, slots=True)
class Row:
    """What one server made of one load: the median of the rounds, and how many times a reference's that is."""

    load: str
    server: str
    unit: str
    median: float
    rates: tuple[float, ...]
    ratios: dict[str, float | None]


def measure(loads: tuple[Load, ...], rounds: int) -> list[Row]:
    """Send every load to every server so many times."""
    rows: list[Row] = []
    for load in loads:
        rates: dict[str, list[float]] = {name: [] for name in load.servers}
        for number in range(rounds):
            for name in load.servers:
                note(f"{load.name}: {name}, round {number + 1} of {rounds}")
                with tempfile.TemporaryDirectory() as folder, SERVERS[name](Path(folder)) as port:
                    replace(load, messages=load.sessions).send(port)  # what a server does once, it does now
                    rates[name].append(load.rate(load.send(port)))
        medians = {name: statistics.median(found) for name, found in rates.items()}
        for name, median in medians.items():
            beside = {reference: medians.get(reference) for reference in REFERENCES}
            ratios = {reference: median / other if other else None for reference, other in beside.items()}
            rows.append(Row(load.name, name, load.unit, median, tuple(rates[name]), ratios))
    return rows


def note(text: str) -> None:
    """Tell a person who watches how far it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")


def table(rows: list[Row]) -> str:
    """Write the rows for people: a paragraph for each load."""
    lines: list[str] = []
    load = ""
    for row in rows:
        if row.load != load:
            load = row.load
            heads = "".join(f"{f'x {reference}':>13}" for reference in REFERENCES)
            lines += ["", load, f"  {'server':<22}{row.unit:>12}{heads}"]
        ratios = "".join("-".rjust(13) if ratio is None else f"{ratio:>13.2f}" for ratio in row.ratios.values())
        lines.append(f"  {row.server:<22}{row.median:>12.0f}{ratios}")
    return "\n".join(lines)


def main() -> None:
    """Read the flags, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few messages, one round: shows that it runs, no more")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON, with the rate of every round")
    parser.add_argument("--load", type=int, choices=range(1, len(LOADS) + 1), help="measure only this one")
    parser.add_argument("--stock-aiosmtpd", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--starttls-client", type=int, nargs=4, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.starttls_client:
        send_by_starttls(*flags.starttls_client)
        return
    if flags.stock_aiosmtpd:
        asyncio.run(serve_stock_aiosmtpd())
        return
    chosen = LOADS if flags.load is None else LOADS[flags.load - 1 : flags.load]
    loads = tuple(replace(load, messages=max(1, load.messages // 50)) for load in chosen) if flags.quick else chosen
    rounds = 1 if flags.quick else flags.rounds
    rows = measure(loads, rounds)
    note("")
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    if flags.json:
        sys.stdout.write(
            json.dumps({**machine, "rounds": rounds, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"
        )
    else:
        facts = ", ".join(f"{name} {value}" for name, value in machine.items())
        sys.stdout.write(f"{facts}, rounds {rounds}\n{table(rows)}\n")


if __name__ == "__main__":
    main()
