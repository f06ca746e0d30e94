"""Who says it in these words."""

from __future__ import annotations

import pytest

from mailtrap_py.cli.wording import remark, said_by
from mailtrap_py.scenario.catalogue import entries

YAHOO = (
    "421 4.7.0 [TSS04] Messages from 203.0.113.9 temporarily deferred due to unexpected volume or user complaints - "
    "4.16.55.1; see https://postmaster.yahooinc.com/error-codes"
)


def known(line: str) -> str:
    found = said_by(line[:3], line[3:])
    return found.id if found else ""


def test_what_the_catalogue_has_is_found_again_unless_it_says_too_little() -> None:
    found = {each.id: known(f"{each.reply.code} {each.reply.lines[0]}") for each in entries().values()}

    assert [name for name, other in found.items() if other not in {name, ""}] == []
    assert len([name for name in found.values() if name]) > len(found) * 0.7


@pytest.mark.parametrize(
    ("line", "server"),
    [
        (YAHOO, "yahoo"),
        ("535-5.7.8 Username and Password not accepted. For more information, go to", "gmail"),
        ("454 4.7.0 Too many login attempts, please try again later. ab12-3cd4 - gsmtp", "gmail"),
        ("554 4.7.0 Too many login attempts, please try again later.", ""),  # another code
        ("250 2.0.0 Ok: queued as 4ABCDEF", ""),
        ("550 5.7.1 Our own words for this and for nothing else in the world", ""),
        ("550", ""),
    ],
)
def test_a_line_is_known_apart_from_names_and_numbers(line: str, server: str) -> None:
    assert known(line).partition("-")[0] == server


def test_a_code_that_cannot_be_believed_is_told() -> None:
    assert remark(entries()["sendgrid-credits-exceeded"]) == (
        "SendGrid says this at auth. It never passes, although its code says that it does: trying again does not help."
    )
    assert remark(entries()["gmail-too-many-logins"]) == "Gmail says this at auth."
    deferral = next(each for each in entries().values() if each.class_ == "deferral")
    assert remark(deferral).endswith("It passes, although its code says that it does not: try again later.")
