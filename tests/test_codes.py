"""What codes mean: the data is complete and plain, and every reply finds its explanation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailtrap_py import codes
from mailtrap_py.codes import Meaning, enhanced_meaning, explain, explanation, find, reply_meaning
from mailtrap_py.scenario.catalogue import entries

SOURCES = Path(codes.FILE).parent

# RFC 5321, section 4.2.3; RFC 4954, sections 4 and 6; RFC 3207, section 4 (220, 454, 501); RFC 7504; RFC 1985 (ETRN).
REPLIES = """
211 214 220 221 250 251 252 354 421 450 451 452 455 500 501 502 503 504 550 551 552 553 554 555
235 334 432 454 530 534 535 538 521 556 253 458 459
"""
# How many codes IANA's registry has for each subject: X.0.0, X.1.0 to X.1.10, and so on.
REGISTRY = {0: 1, 1: 11, 2: 5, 3: 7, 4: 8, 5: 7, 6: 11, 7: 31}


def test_every_reply_code_of_the_standards_is_there() -> None:
    assert set(REPLIES.split()) <= set(codes.known_replies())
    assert all(reply_meaning(code).known for code in codes.known_replies())


def test_the_whole_registry_of_enhanced_codes_is_there() -> None:
    expected = [f"X.{subject}.{detail}" for subject, number in REGISTRY.items() for detail in range(number)]

    assert list(codes.known_enhanced()) == expected
    assert codes.registered("X.7.30").source == "RFC 8689"


def test_every_meaning_is_one_sentence_with_a_verdict_and_a_source() -> None:
    known = [reply_meaning(code) for code in codes.known_replies()]
    known += [codes.registered(code) for code in codes.known_enhanced()]
    for each in known:
        assert re.fullmatch(r"[A-Z][^.\n]*\.", re.sub(r"\bX\.[0-9.]*[0-9]", "", each.means)), each
        assert 1 <= len(each.verdict.split()) <= 7, each
        assert re.search(r"RFC [0-9]{4}|IANA|Exim|draft-", each.source), each


def test_the_data_has_no_entry_twice_and_none_that_nobody_reads() -> None:
    data = json.loads(codes.FILE.read_text("utf-8"))

    assert data.keys() == {"replies", "digits", "groups", "enhanced", "classes", "subjects"}
    for table in data.values():
        assert len({each["code"] for each in table}) == len(table)
        assert all(each.keys() <= {"code", "verdict", "means", "do", "source"} for each in table)


def test_whatever_this_program_says_is_known() -> None:
    written = r'Reply\((?P<code>[0-9]{3}), "(?P<enhanced>[0-9.]*)"'
    said = {
        (found["code"], found["enhanced"])
        for path in (SOURCES / "smtp").glob("*.py")
        for found in re.finditer(written, path.read_text("utf-8"))
    }
    assert len(said) > 10
    for code, enhanced in said:
        assert reply_meaning(code).known, code
        assert not enhanced or enhanced_meaning(enhanced).known, enhanced


def test_every_reply_of_the_catalogue_is_explained() -> None:
    for entry in entries().values():
        explained = explain(str(entry.reply))
        assert explained.codes == f"{entry.reply.code} {entry.reply.enhanced}".rstrip()
        assert explained.do


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("550", ("550", "")),
        ("4.2.2", ("", "4.2.2")),
        ("550 5.7.1", ("550", "5.7.1")),
        ("421-4.7.0 text", ("421", "4.7.0")),
        ("250-PIPELINING", ("250", "")),
        ("S: 550 5.1.1 No such user\r", ("550", "5.1.1")),
        ("<** 550 5.1.1 No such user", ("550", "5.1.1")),
        ("(550, b'5.1.1 No such user')", ("550", "5.1.1")),
        ('SMTPDataError(451, "4.3.0 Busy")', ("451", "4.3.0")),
        ("host mx.example[192.0.2.250] said: 450 4.2.0 Busy", ("450", "4.2.0")),
        ("status=deferred (host a[5.1.1.2]:25 refused)", None),
        ("12:00:00.250 port 587: 535 5.7.8 No", ("535", "5.7.8")),
        ("smtp; 550-5.7.26 This mail", ("550", "5.7.26")),
        ("Diagnostic-Code: 5.5.0", ("", "5.5.0")),
        ("150 2000 x550 550y 660 5.1 5.1.1.1 6.1.1 hello", None),
        ("", None),
    ],
)
def test_codes_are_found_wherever_they_stand(text: str, found: tuple[str, str] | None) -> None:
    assert find(text) == found


def test_a_reply_is_explained_by_both_its_codes() -> None:
    explained = explain("550 5.7.1 Relaying denied")

    assert explained.codes == "550 5.7.1"
    assert explained.verdict == "refused, not authorized"
    assert explained.reply == reply_meaning(550)
    assert explained.enhanced == enhanced_meaning("5.7.1")
    assert explained.do.startswith("Do not send the same again")
    assert explained.caution == ""


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("220", "ready"),
        ("421", "try later"),
        ("535 5.7.8", "credentials"),
        ("450 4.7.0", "mailbox busy, try later"),
        ("250 2.1.5", "accepted"),
        ("550 5.1.1", "refused, no such mailbox"),
        ("5.1.1", "no such mailbox"),
        ("535 5.7.139", "credentials"),
    ],
)
def test_the_verdict_says_no_more_than_is_known(reply: str, verdict: str) -> None:
    assert explain(reply).verdict == verdict


@pytest.mark.parametrize(
    ("lines", "codes_of_it"),
    [
        (("250",), "250"),
        (("250 2.1.0 Ok\r\n",), "250 2.1.0"),
        (("550-5.7.26 One", "550 Two"), "550 5.7.26"),
        (("250-one", "250-two"), ""),
        (("one", "421 4.7.0 two"), "421 4.7.0"),
        (("HTTP/1.1 400 Bad Request",), ""),
        (("25",), ""),
        (("2500",), ""),
        ((), ""),
    ],
)
def test_lines_are_a_reply_only_as_a_server_sends_them(lines: tuple[str, ...], codes_of_it: str) -> None:
    explained = codes.of_reply(lines)

    assert (explained.codes if explained else "") == codes_of_it


def test_an_own_advice_goes_before_that_of_the_first_digit() -> None:
    assert explanation("535").do.startswith("Correct the credentials")
    assert explanation("", "4.2.2").do == explanation("450").do


def test_codes_that_contradict_each_other_are_told() -> None:
    assert "The first digit of 552 is what counts" in explain("552 4.2.2 Full").caution
    assert explain("552 4.2.2 Full").do == explanation("552").do


@pytest.mark.parametrize(
    ("code", "verdict", "means"),
    [
        ("299", "accepted", "The command was accepted and done."),
        ("599", "refused", "The command was refused for good."),
        ("541", "refused", "The command was refused for good. No standard says what the second digit 4 is about."),
        ("471", "try later", "The command was not accepted for a reason that passes."),
    ],
)
def test_a_reply_code_that_is_not_known_is_explained_by_its_digits(code: str, verdict: str, means: str) -> None:
    meaning = reply_meaning(code)

    assert (meaning.verdict, meaning.means, meaning.known) == (verdict, means, False)
    assert meaning.do


@pytest.mark.parametrize(
    ("code", "verdict", "ends"),
    [
        ("5.7.139", "something about security or policy", "It is about security or policy."),
        ("4.9.1", "not in the registry", "may be delivered later."),
        ("2.0.9", "not in the registry", "or the command done."),
    ],
)
def test_an_enhanced_code_that_is_not_known_is_explained_by_its_numbers(code: str, verdict: str, ends: str) -> None:
    meaning = enhanced_meaning(code)

    assert (meaning.verdict, meaning.known) == (verdict, False)
    assert meaning.means.endswith(ends)


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no reply code in 'hello'"):
        explain("hello")
    with pytest.raises(ValueError, match="'99' is not a reply code"):
        reply_meaning(99)
    with pytest.raises(ValueError, match=r"'3\.1\.1' is not an enhanced status code"):
        enhanced_meaning("3.1.1")


def test_a_meaning_is_a_value() -> None:
    assert isinstance(reply_meaning("220"), Meaning)
    assert reply_meaning("220") == reply_meaning(220)
