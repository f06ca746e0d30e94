"""How quick the record is when it is large: python tests/benchmarks/record.py [--messages 100000] [--store URL].

Fills a store with messages of 5 KB in words of many lengths, a tenth of them in an inbox of their own, lets the index
catch up, and then measures, in a process of its own: a page of the list, searches of several kinds, the deletion of one
inbox while mail is captured, and the memory that all of it took. Times are in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mailtrap_py.events import Message, Recipient, Reply
from mailtrap_py.store import Query, Store

LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
FREQUENT = (12, 9, 8, 8, 7, 7, 6, 6, 6, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1.5, 1.5, 2, 0.8, 0.2, 0.1, 0.2, 0.1)
SIZE = 5000
BATCH = 500
Row = tuple[str, float, float, float]


class Mail:
    """Messages as people write them: some words are frequent, most are rare, and every message has a number."""

    def __init__(self) -> None:
        """Make up a language."""
        self.dice = random.Random(5)
        self.words = ["".join(self.dice.choices(LETTERS, FREQUENT, k=self.dice.randint(2, 10))) for _ in range(4000)]
        self.weights = [1 / (rank + 1) ** 0.8 for rank in range(4000)]

    def text(self, number: int) -> str:
        """Write what the message of that number says."""
        return " ".join(random.Random(number).choices(self.words, self.weights, k=850))[: SIZE - 200]

    def phrase(self, number: int, length: int) -> str:
        """Quote some words from the middle of the message of that number."""
        return " ".join(self.text(number).split(" ")[400 : 400 + length])

    def message(self, number: int, inbox: str) -> Message:
        """Write the message of that number."""
        text = self.text(number)
        raw = (
            f"From: Ann <ann{number % 997}@example.com>\r\nTo: bob@example.net\r\nSubject: Order {number:08d}\r\n"
            f"Message-ID: <{number}.{self.dice.getrandbits(48):x}@example.com>\r\n\r\n{text}\r\n"
        )
        return Message(
            id=f"m{number}", inbox=inbox, session_id=f"s{number // 10}", transaction_id=f"t{number}",
            at=1e9 + number, clock=1e9 + number, reverse_path=f"ann{number % 997}@example.com", parameters={},
            recipients=(Recipient(address="bob@example.net", reply=Reply(250)),), raw=raw.encode(), client="127.0.0.1",
            helo="client", tls_version="", user="",
        )  # fmt: skip


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")


def fill(url: str, count: int) -> None:
    """Put the messages in, and wait until the index has them."""
    mail = Mail()

    async def put(store: Store) -> None:
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            await asyncio.gather(
                *(store.commit(mail.message(n, "tenth" if n % 10 == 0 else "default")) for n in numbers)
            )

    with closing(Store(url)) as store:
        started = time.perf_counter()
        asyncio.run(put(store))
        say(f"filled       {count} messages in {time.perf_counter() - started:.1f} s, inventing them included")
        started = time.perf_counter()
        store.messages(Query(text="no such thing anywhere"), limit=0)
        say(f"indexed      in {time.perf_counter() - started:.1f} s")


def times(work: Callable[[], object], repeat: int) -> Iterator[float]:
    """Do it so many times; give how long each took, in milliseconds."""
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        yield (time.perf_counter() - started) * 1000


def told(name: str, measured: list[float]) -> Row:
    """Give the median, the 95th percentile and the longest."""
    ordered = sorted(measured)
    return name, statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1]


def searches(mail: Mail, count: int) -> dict[str, list[str]]:
    """Make up what people search for, by kinds."""
    dice = random.Random(6)
    numbers = [dice.randrange(count) for _ in range(40)]
    return {
        "a number": [f"{number:08d}" for number in numbers],
        "an address": [f"ann{number % 997}@" for number in numbers],
        "a rare word": dice.choices(mail.words[2000:], k=40),
        "a frequent word": [word for word in mail.words[:200] if len(word) > 2][:40],
        "two words of a message": [mail.phrase(number, 2) for number in numbers],
        "four words of a message": [mail.phrase(number, 4) for number in numbers],
        "two frequent words": [" ".join(dice.choices(mail.words[:50], k=2)) for _ in range(40)],
        "what is nowhere": [f"zq{number:x}xj" for number in numbers],
        "two letters": [mail.words[dice.randrange(100)][:2] for _ in range(10)],
    }


def measure(url: str, count: int) -> list[Row]:
    """Measure everything; the inbox is gone afterwards."""
    mail = Mail()
    with closing(Store(url)) as store:
        store.messages()
        rows = [
            told("a page of the list", list(times(store.messages, 30))),
            told("a page of an inbox", list(times(lambda: store.messages(Query("tenth")), 30))),
            told("to one address", list(times(lambda: store.messages(Query(to="bob@example.net")), 10))),
        ]
        every: list[float] = []
        for kind, asked in searches(mail, count).items():
            measured = [took for text in asked for took in times(lambda: store.messages(Query(text=text)), 1)]  # noqa: B023 - called at once
            rows.append(told(f"search: {kind}", measured))
            every += measured
        rows.append(told("search: all of these", every))
        return rows + delete(store, mail, count)


def delete(store: Store, mail: Mail, count: int) -> list[Row]:
    """Delete an inbox while mail comes in."""
    commits: list[float] = []
    done = threading.Event()
    ready = threading.Event()

    async def capture() -> None:
        number = count + time.time_ns()  # another run may have been here before
        while not done.is_set():
            message = mail.message(number, "default")
            started = time.perf_counter()
            await store.commit(message)
            commits.append((time.perf_counter() - started) * 1000)
            if len(commits) == 20:
                ready.set()
            number += 1

    capturing = threading.Thread(target=lambda: asyncio.run(capture()))
    capturing.start()
    ready.wait(30)
    before = len(commits)
    (took,) = times(lambda: store.delete_messages(Query("tenth")), 1)
    during = commits[before:] or commits
    done.set()
    capturing.join()
    return [
        ("deleting the inbox", took, took, took),
        told("commits before", commits[:before]),
        told("commits meanwhile", during),
    ]


def main() -> None:
    """Fill, then measure in a process of its own, whose memory is nobody else's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--store", default="", help="URL of an empty store; else a file that is gone at the end")
    parser.add_argument("--measure", action="store_true", help="measure only: the store was filled by another run")
    given = parser.parse_args()
    if given.measure:
        rows = measure(given.store, given.messages)
        say(json.dumps([rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{folder}/record.db"
        command = [sys.executable, __file__, "--store", url, "--messages", str(given.messages)]
        fill(url, given.messages)
        run = subprocess.run([*command, "--measure"], check=True, stdout=subprocess.PIPE)
        rows, memory = json.loads(run.stdout)
        say(f"\n{'milliseconds':<28}{'median':>10}{'95 %':>10}{'longest':>10}")
        for name, *numbers in rows:
            say(f"{name:<28}" + "".join(f"{number:>10.1f}" for number in numbers))
        say(f"\nresident     {memory:.0f} MB at most, in the process that measured")
        if not given.store:
            say(f"on file      {(Path(folder) / 'record.db').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
