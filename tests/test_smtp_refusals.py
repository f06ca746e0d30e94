from __future__ import annotations

import pytest

from mailtrap_py.events import Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.path import Path

LIMIT = 1000
OFFERED = ("SIZE 1000", "8BITMIME", "SMTPUTF8", "AUTH PLAIN", "", "DSN", "BINARYMIME")


def replies() -> list[Reply]:
    constants = [value for value in vars(refusals).values() if isinstance(value, Reply)]
    return [
        *constants,
        refusals.syntax_error("NOOP"),
        refusals.too_big(LIMIT),
        refusals.unsupported("RET"),
        refusals.misspelt("RET"),
    ]


def test_every_refusal_has_an_enhanced_code_of_its_class() -> None:
    # RFC 2034, section 4: the first digits agree.
    assert len(replies()) > 20
    assert [reply for reply in replies() if reply.enhanced[:1] != str(reply.code)[0]] == []


def test_every_refusal_is_one_line_that_every_client_can_take() -> None:
    # RFC 5321, section 4.5.3.1.5: 512 octets, the CRLF included.
    assert [reply for reply in replies() if len(reply.lines) != 1 or len(reply.wire()) > 512 or reply.positive] == []


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"SIZE": "1000"},
        {"SIZE": "0"},
        {"SIZE": "0001"},
        {"BODY": "7BIT"},
        {"BODY": "8bitMIME"},
        {"SMTPUTF8": ""},
        {"AUTH": "<>"},
        {"BODY": "BINARYMIME"},
        {"RET": "hdrs", "ENVID": "QQ314159"},
        {"AUTH": "ann@example.com", "SIZE": "7", "BODY": "8BITMIME", "SMTPUTF8": ""},
    ],
)
def test_parameters_that_were_offered_are_taken(parameters: dict[str, str]) -> None:
    assert refusals.of_mail_parameters(Path("a@b", parameters), OFFERED, LIMIT) is None


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"SIZE": ""}, 501),
        ({"SIZE": "-1"}, 501),
        ({"SIZE": "1k"}, 501),
        ({"SIZE": "\u0663"}, 501),
        ({"SIZE": "1001"}, 552),
        ({"SIZE": "9" * 11000}, 552),
        ({"BODY": ""}, 501),
        ({"BODY": "9BIT"}, 501),
        ({"SMTPUTF8": "yes"}, 501),
        ({"RET": "SOME"}, 501),
        ({"ENVID": "a=b", "SIZE": "1"}, 501),
        ({"NOTIFY": "NEVER"}, 555),
        ({"XFOO": "1", "SIZE": "1"}, 555),
    ],
)
def test_parameters_that_cannot_be_honoured_are_refused(parameters: dict[str, str], code: int) -> None:
    reply = refusals.of_mail_parameters(Path("a@b", parameters), OFFERED, LIMIT)

    assert reply is not None
    assert reply.code == code


def test_an_address_beyond_ascii_must_be_declared() -> None:
    assert refusals.of_mail_parameters(Path("\u00e9@b"), OFFERED, LIMIT) == refusals.UNDECLARED_UTF8
    assert refusals.of_mail_parameters(Path("\u00e9@b", {"SMTPUTF8": ""}), OFFERED, LIMIT) is None
    assert refusals.of_recipient(Path("\u00e9@b"), OFFERED, utf8=False) == refusals.UNDECLARED_UTF8
    assert refusals.of_recipient(Path("\u00e9@b"), OFFERED, utf8=True) is None


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        (Path("a@b"), None),
        (Path("Postmaster"), None),
        (Path(""), refusals.BAD_RECIPIENT),
        (Path("a@b", {"NOTIFY": "NEVER", "ORCPT": "rfc822;A@b"}), None),
        (Path("a@b", {"NOTIFY": "SOMETIMES"}), refusals.misspelt("NOTIFY")),
        (Path("a@b", {"RET": "FULL"}), refusals.unsupported("RET")),
    ],
)
def test_recipients(path: Path, refusal: Reply | None) -> None:
    assert refusals.of_recipient(path, OFFERED, utf8=False) == refusal


def test_a_body_must_be_of_a_kind_that_is_offered() -> None:
    path = Path("a@b", {"BODY": "BINARYMIME"})

    assert refusals.of_mail_parameters(path, ("8BITMIME",), LIMIT) == refusals.BAD_PARAMETER


@pytest.mark.parametrize("parameter", ["SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"])
def test_what_is_not_offered_is_not_taken(parameter: str) -> None:
    path = Path("a@b", {parameter: ""})

    assert refusals.of_mail_parameters(path, ("PIPELINING",), LIMIT) == refusals.unsupported(parameter)
