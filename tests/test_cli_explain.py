"""`mailtrap-py explain`: a code, a line that a server sent, a whole log."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from mailtrap_py import codes
from mailtrap_py.cli import main
from mailtrap_py.cli.explain import style_of

DOCS = Path(__file__).parent.parent / "docs" / "check.md"
LOG = """\
> RCPT TO:<bob@example.com>
550-5.7.26 This mail has been blocked because the sender is unauthenticated.
550 See https://support.example/help
> RSET
250 2.0.0 Flushed
421-4.7.0 Try again later,
421 4.7.0 closing connection
250 2.0.0 Flushed
"""


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["explain", *words])
    return int(left.value.code or 0)


def test_a_reply_is_told_in_sentences_as_the_documentation_shows(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^```text\n(550 .*?)^```$", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert told("550 5.7.1 Relaying denied") == 0
    assert [capsys.readouterr().out] == shown


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("421-4.7.0", "Try", "again") == 0
    assert capsys.readouterr().out.startswith("421 4.7.0: try later\n")


def test_a_code_that_is_not_known_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("535 5.7.139 Disabled") == 0
    assert "         " + "  unknown; RFC 3463, section 2" in capsys.readouterr().out


def test_a_contradiction_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("552 4.2.2 Full") == 0
    assert "  but    The codes contradict each other" in capsys.readouterr().out


def test_a_log_is_explained_reply_by_reply(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n" + LOG.encode()), "utf-8"))
    assert told("-") == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "550 5.7.26: refused, authentication failed",
        "250 2.0.0: accepted",
        "421 4.7.0: try later",
    ]


def test_a_wording_of_a_real_server_is_recognized(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("451 Authentication failed: Maximum credits exceeded") == 0
    assert "  seen  SendGrid says this at auth. It never passes" in capsys.readouterr().out
    assert told("--json", "451 Authentication failed: Maximum credits exceeded") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["seen"] == {"id": "sendgrid-credits-exceeded", "source": "SendGrid [D]", "class": "dead-end"}


def test_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("--json", "552 4.2.2 Full") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["codes"] == "552 4.2.2"
    assert found["reply"]["known"] is True
    assert found["enhanced"]["verdict"] == "mailbox full"
    assert found["do"]
    assert found["caution"]
    assert told("--json", "550") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["enhanced"] is None
    assert found["seen"] is None
    assert told("--json", "4.2.2 mailbox full") == 0


def test_without_a_reply_all_codes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert told() == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["code", "verdict", "what", "it", "means"]
    assert [row.split()[0] for row in rows] == [*codes.known_replies(), *codes.known_enhanced()]
    assert told("--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == len(rows)


def test_no_code_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("hello") == 2
    assert "there is no reply code in it" in capsys.readouterr().err


@pytest.mark.parametrize(("reply", "style"), [("250", "green"), ("354", "green"), ("450", "yellow"), ("5.1.1", "red")])
def test_the_colour_is_that_of_the_first_digit(reply: str, style: str) -> None:
    assert style_of(reply).endswith(style)
    assert style_of("") == "bold"
