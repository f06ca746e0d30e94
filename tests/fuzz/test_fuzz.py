"""Whatever octets come, a session ends, says replies only, and keeps no more than it was sent; a message can be shown.

The seeds run always. The slow tests let atheris look for more, for a bounded number of runs and a bounded time; what it
finds is a file, whose name it prints.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrap_py.events import Message
from mailtrap_py.smtp.session import Session
from tests.fuzz.harness import POLICIES, RULES, Harness

if TYPE_CHECKING:
    from tests.conftest import Missing

HERE = Path(__file__).parent
SECONDS = 25  # for each of the two, where the number of runs does not end them before
RUNS = 10_000
MESSAGES = HERE.parent / "messages"
# Every scenario with the usual policy, and every policy without a scenario.
CHOICES = [*range(len(RULES)), *(policy * len(RULES) for policy in range(1, len(POLICIES)))]
SMUGGLING = yaml.safe_load((HERE.parent / "smuggling" / "sequences.yaml").read_text("utf-8"))

TWO = (
    b"MAIL FROM:<a@b.example> SIZE=5 BODY=8BITMIME\r\nRCPT TO:<bob@b.example> NOTIFY=NEVER\r\nRCPT TO:<c@d.example>\r\n"
)
SEEDS = (
    b"EHLO c\r\n" + TWO + b"DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nRSET\r\nNOOP\r\nVRFY a\r\nQUIT\r\n",
    b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nBDAT 5\r\nabc\r\nBDAT 3 LAST\r\nabcRSET\r\nQUIT\r\n",
    b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nAUTH CRAM-MD5\r\n*\r\nHELP\r\nEXPN x\r\n",
    b"HELO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx\n.\nMAIL FROM:<g@h.i>\r\n.\rx\r\n.\r\n",
    b"EHLO c\r\nMAIL FROM:<450x2@fail.test>\r\nRCPT TO:<lost250@fail.test>\r\nDATA\r\n" + b"x" * 6000 + b"\r\n.\r\n",
    b"PROXY TCP4 192.0.2.1 127.0.0.1 1 25\r\nEHLO c\r\nXCLIENT NAME=x ADDR=192.0.2.2\r\nEHLO c\r\nQUIT\r\n",
    b"LHLO c\r\n" + TWO + b"DATA\r\nx\r\n.\r\nQUIT\r\n",
    b"\x16\x03\x01\x00\xf4\r\n" + b"A" * 13_000 + b"\n" + b"\xff\x00 \t\r\n" * 50,
)


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = Harness()
    yield made
    made.close()


def said(harness: Harness, choice: int, pieces: list[bytes]) -> bytes:
    """Hold a session, and give what was said without what is new each time."""
    return re.sub(rb"queued as \w+|334 \S+", b"", harness.run(choice, pieces))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_session_is_sound_whatever_comes_and_however_it_is_cut(harness: Harness, seed: bytes) -> None:
    for choice in CHOICES:
        whole = said(harness, choice, [seed])
        in_lines = said(harness, choice, seed.splitlines(keepends=True))
        in_sevens = said(harness, choice, [seed[begin : begin + 7] for begin in range(0, len(seed), 7)])
        assert whole == in_lines == in_sevens


LINES = (
    *(b"EHLO c\r\n", b"HELO c\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<d@e.f>\r\n", b"RCPT TO:<bad\r\n", b"DATA\r\n"),
    *(
        b"x\r\n.\r\n",
        b".\r\n",
        b"..\r\n",
        b"BDAT 5\r\nab\r\nc",
        b"BDAT 3 LAST\r\nabc",
        b"BDAT 0 LAST\r\n",
        b"BDAT x\r\n",
    ),
    *(
        b"RSET\r\n",
        b"NOOP\n",
        b"QUIT\r\n",
        b"AUTH PLAIN AGEAYg==\r\n",
        b"AUTH LOGIN\r\n",
        b"*\r\n",
        b"\r\n",
        b"FOO\r\n",
    ),
)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=14),
    choice=st.sampled_from(CHOICES),
    cuts=st.lists(st.integers(1, 400), max_size=8),
)
def test_how_the_octets_arrive_changes_nothing(lines: list[bytes], choice: int, cuts: list[int]) -> None:
    data = b"EHLO c\r\n" + b"".join(lines)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    harness = Harness()
    try:
        whole = said(harness, choice, [data])
        assert said(harness, choice, [data[begin:end] for begin, end in itertools.pairwise(places)]) == whole
        assert said(harness, choice, [b"EHLO c\r\n", *lines]) == whole
    finally:
        harness.close()


@pytest.mark.parametrize("sequence", SMUGGLING, ids=lambda each: str(each["name"]).replace(" ", "-"))
def test_no_cut_makes_two_messages_of_one(harness: Harness, sequence: dict[str, str]) -> None:
    before = b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nSubject: one\r\n\r\none"
    middle = before + sequence["octets"].encode("latin-1")
    data = middle + b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n"
    for at in range(len(before) - 2, len(middle) + 3):
        harness.run(0, [data[:at], data[at:]])
        assert len([event for event in harness.events if isinstance(event, Message)]) == 1


def test_the_harness_sees_a_session_that_fails(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Session, "smtp_NOOP", fail)
    with pytest.raises(AssertionError, match="broken"):
        harness.run(0, [b"EHLO c\r\nNOOP\r\n"])


def test_the_harness_sees_what_is_no_reply(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def babble(session: Session, *_: object) -> None:
        session.wire.transport.write(b"hello\r\n")

    monkeypatch.setattr(Session, "smtp_NOOP", babble)
    with pytest.raises(AssertionError, match="no reply"):
        harness.run(0, [b"EHLO c\r\n", b"NOOP\r\n"])


@pytest.fixture
def atheris(missing: Missing) -> None:
    if importlib.util.find_spec("atheris") is None:
        missing("atheris is not installed; it has no wheels for this machine")


def fuzz(program: str, corpus: Path, folder: Path, *options: str) -> str:
    command = [sys.executable, str(HERE / program), str(corpus), f"-runs={RUNS}", f"-max_total_time={SECONDS}"]
    command += [
        "-seed=1",
        "-timeout=20",
        "-rss_limit_mb=1024",
        "-len_control=0",
        f"-artifact_prefix={folder}/",
        *options,
    ]
    paths = os.pathsep.join([str(HERE.parent.parent), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("atheris")
def test_fuzzing_finds_no_way_to_break_a_session(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        for choice in CHOICES:
            (corpus / f"{number}-{choice}").write_bytes(bytes([choice, (0, 1, 7)[choice % 3]]) + seed[:2000])

    assert "Done " in fuzz("session.py", corpus, tmp_path, "-max_len=2000", f"-dict={HERE / 'smtp.dict'}")


@pytest.mark.slow
@pytest.mark.usefixtures("atheris")
def test_fuzzing_finds_no_message_that_cannot_be_shown(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for path in MESSAGES.glob("*.eml"):
        (corpus / path.name).write_bytes(path.read_bytes()[:4000])

    assert "Done " in fuzz("message.py", corpus, tmp_path, "-max_len=4000")
