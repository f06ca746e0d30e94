"""The grammar of RFC 3461, by its own examples and by what is nearly right."""

from __future__ import annotations

import pytest

from mailtrap_py.smtp import dsn


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RET", "FULL"),
        ("RET", "hdrs"),
        ("ENVID", "QQ314159"),
        ("ENVID", "a+2Bb+3Dc"),
        ("ENVID", "x" * 100),
    ],
)
def test_parameters_of_mail(name: str, value: str) -> None:
    assert dsn.misspelt({"SIZE": "1", name: value}, dsn.OF_MAIL) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RET", ""),
        ("RET", "BOTH"),
        ("ENVID", ""),
        ("ENVID", "a=b"),
        ("ENVID", "a+2b"),
        ("ENVID", "a+"),
        ("ENVID", "\u00e9"),
        ("ENVID", "a\n"),
        ("ENVID", "x" * 101),
    ],
)
def test_parameters_of_mail_that_are_misspelt(name: str, value: str) -> None:
    assert dsn.misspelt({"RET": "FULL", "ENVID": "1", name: value}, dsn.OF_MAIL) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY", "NEVER"),
        ("NOTIFY", "success"),
        ("NOTIFY", "SUCCESS,FAILURE,DELAY"),
        ("ORCPT", "rfc822;Bob@example.com"),
        ("ORCPT", "RFC822;a+2Bb@example.com"),
        ("ORCPT", "x400;/G+3DBob/S+3DX"),
        ("ORCPT", r"utf-8;j\x{FC}rgen@example.com"),
        ("ORCPT", "UTF-8;j\u00fcrgen@example.com"),
    ],
)
def test_parameters_of_rcpt(name: str, value: str) -> None:
    assert dsn.misspelt({name: value}, dsn.OF_RCPT) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY", ""),
        ("NOTIFY", "NEVER,FAILURE"),
        ("NOTIFY", "SUCCESS,SUCCESS"),
        ("NOTIFY", "SUCCESS,"),
        ("NOTIFY", "ALWAYS"),
        ("ORCPT", "bob@example.com"),
        ("ORCPT", "rfc822;"),
        ("ORCPT", ";bob@example.com"),
        ("ORCPT", "rfc 822;bob@example.com"),
        ("ORCPT", "rfc822;j\u00fcrgen@example.com"),
        ("ORCPT", r"utf-8;j\x{fc}rgen@example.com"),
        ("ORCPT", "rfc822;" + "x" * 500),
    ],
)
def test_parameters_of_rcpt_that_are_misspelt(name: str, value: str) -> None:
    assert dsn.misspelt({name: value}, dsn.OF_RCPT) == name
