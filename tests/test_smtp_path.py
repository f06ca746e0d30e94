from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailtrap_py.smtp.path import Path, parse_path

LONG = ".".join(["d" * 63] * 4)  # the longest domain there can be


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<ann@example.com>", "ann@example.com"),
        ("from:<ann@example.com>", "ann@example.com"),
        ("TO:<Ann.Lee+x@Example.COM>", "Ann.Lee+x@Example.COM"),
        ("FROM: <ann@example.com>", "ann@example.com"),
        ("FROM:ann@example.com", "ann@example.com"),
        ("FROM:<>", ""),
        ("TO:<Postmaster>", "Postmaster"),
        ("TO:<@a.example,@b.example:ann@example.com>", "ann@example.com"),
        ("TO:<@a.example:Postmaster>", "Postmaster"),
        ("TO:<ann@[127.0.0.1]>", "ann@[127.0.0.1]"),
        ("TO:<ann@[IPv6:::1]>", "ann@[IPv6:::1]"),
        ("TO:<ann@[ipv6:2001:db8::1]>", "ann@[ipv6:2001:db8::1]"),
        ("TO:<ann@localhost>", "ann@localhost"),
        ("TO:<ann@example.com.>", "ann@example.com."),
        ('TO:<"a b"@x>', '"a b"@x'),
        ('TO:<"a@b"@x>', '"a@b"@x'),
        ('TO:<"a>b"@x>', '"a>b"@x'),
        ('TO:<"a\\"b\\\\"@x>', '"a\\"b\\\\"@x'),
        ('TO:<""@x>', '""@x'),
        ('TO:<"quoted">', '"quoted"'),
        ("TO:<j\u00f6rg@b\u00fccher.example>", "j\u00f6rg@b\u00fccher.example"),
        ("TO:<a_b@exa_mple.com>", "a_b@exa_mple.com"),
        ("TO:<a@1a.2>", "a@1a.2"),
        ("TO:<a@3com.example>", "a@3com.example"),
        ("TO:<a@x--y.example>", "a@x--y.example"),
        ("TO:<a\x01@x>", "a\x01@x"),
        ("TO:<!#$%&'*+-/=?^_`{|}~@x>", "!#$%&'*+-/=?^_`{|}~@x"),
        (f"TO:<{'l' * 64}@{LONG}>", f"{'l' * 64}@{LONG}"),
        ("TO:<" + "\u00e9" * 32 + "@x>", "\u00e9" * 32 + "@x"),
    ],
)
def test_an_address_is_kept_as_it_was_written(argument: str, address: str) -> None:
    assert parse_path(argument) == Path(address)


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "FROM",
        "FROM:",
        "<ann@example.com>",
        "FOR:<ann@example.com>",
        "FROM :<ann@example.com>",
        "FROM:<ann@example.com",
        "FROM:ann@example.com>",
        "FROM:<<ann@example.com>>",
        "FROM:<ann@>",
        "FROM:<@example.com>",
        "FROM:<ann@example..com>",
        "FROM:<ann@.example.com>",
        "FROM:<ann@@example.com>",
        "FROM:<ann lee@example.com>",
        "FROM:<ann,lee@example.com>",
        "FROM:<ann@exa mple.com>",
        "FROM:<ann@[127.0.0.1>",
        "FROM:<ann@[]>",
        "FROM:<ann@[300.1.1.1]>",
        "FROM:<ann@[127.0.0.1.1]>",
        "FROM:<ann@[foo]>",
        "FROM:<ann@[IPv6:zz]>",
        "FROM:<ann@[::1]>",
        "FROM:<ann@1.2.3.4>",
        "FROM:<ann@123>",
        "FROM:ann@123",
        "FROM:<ann@123> SIZE=1",
        "FROM:<ann@-x.example>",
        "FROM:<ann@x-.example>",
        "FROM:<ann@x.example->",
        "TO:<\udcff@x.y>",
        "TO:<a@\udcff.y>",
        "TO:<a\0b@x>",
        'TO:<"a\0b"@x>',
        'TO:<"a\\\0b"@x>',
        "TO:<a@x\0y>",
        f"TO:<a@{'d' * 64}.example>",
        'FROM:<"ann@example.com>',
        'FROM:<"a"b@example.com>',
        "FROM:<@a.example,ann@example.com>",
        "FROM:<a:b@example.com>",
        "FROM:<ann@example.com>SIZE=7",
        "FROM:< >",
        f"TO:<{'l' * 65}@x>",
        f"TO:<a@{LONG}d>",
        "TO:<" + "\u00e9" * 33 + "@x>",
        f"TO:<{'l' * 65}>",
    ],
)
def test_what_is_no_address_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=r"\Aaddress\Z"):
        parse_path(argument)


@pytest.mark.parametrize(
    ("rest", "parameters"),
    [
        ("", {}),
        (" ", {}),
        (" SIZE=7", {"SIZE": "7"}),
        (" size=7 body=8BITMIME", {"SIZE": "7", "BODY": "8BITMIME"}),
        ("  SIZE=7   SMTPUTF8  ", {"SIZE": "7", "SMTPUTF8": ""}),
        (" ENVID=QQ314159+3Dx", {"ENVID": "QQ314159+3Dx"}),
        (" ORCPT=rfc822;Bob@Example.COM", {"ORCPT": "rfc822;Bob@Example.COM"}),
        (" AUTH=<>", {"AUTH": "<>"}),
        (" X=a=b", {"X": "a=b"}),
        (" X-FOO=\u00e9 2X=y", {"X-FOO": "\u00e9", "2X": "y"}),
    ],
)
def test_parameters_keep_the_case_of_their_values(rest: str, parameters: dict[str, str]) -> None:
    assert parse_path(f"FROM:<a@b>{rest}") == Path("a@b", parameters)
    assert parse_path(f"FROM:<>{rest}") == Path("", parameters)
    assert parse_path(f"FROM:a@b{rest}") == Path("a@b", parameters)


@pytest.mark.parametrize("rest", ["=", "SIZE=", "SIZE==7", "-X", "X_Y=1", "SIZE=1 size=2", "\u00e9=1", "X Y=", "<c@d>"])
def test_what_is_no_parameter_is_refused(rest: str) -> None:
    with pytest.raises(ValueError, match=r"\Aparameter\Z"):
        parse_path(f"FROM:<a@b> {rest}")


@pytest.mark.parametrize(("address", "wide"), [("a@b", False), ("", False), ("\u00e9@b", True), ("a@\u00e9", True)])
def test_what_needs_smtputf8_is_told(address: str, *, wide: bool) -> None:
    assert Path(address).unicode is wide


@given(st.text())
@example("FROM:<" + '"' * 5000)
@example("TO:<" + "@a," * 2000 + ":x@y>")
@example("TO:<" + "a." * 3000 + "@>")
@example("FROM:" + " " * 12000 + "x@")
@example("FROM:<a@b> " + "x" * 12000 + "=")
@example('TO:<"' + "\\" * 6001 + "@x>")
def test_any_argument_is_read_or_refused(argument: str) -> None:
    try:
        path = parse_path(argument)
    except ValueError as error:
        assert str(error) in {"address", "parameter"}  # noqa: PT017 - either ending will do
    else:
        assert path.address in argument


@pytest.mark.parametrize(
    "grown",
    [
        lambda size: "FROM:<" + '"' * size,
        lambda size: "TO:<" + "@a," * size + ":x@y>",
        lambda size: "TO:<" + "a." * size + "@>",
        lambda size: "FROM:" + " " * size + "x@",
        lambda size: "FROM:<a@b> " + "x" * size + "=",
        lambda size: 'TO:<"' + "\\" * size + "@x>",
    ],
    ids=["quotes", "route", "dots", "blanks", "parameter", "backslashes"],
)
def test_the_time_it_takes_grows_no_faster_than_the_argument(grown: Callable[[int], str]) -> None:
    def seconds(size: int) -> float:
        argument, taken = grown(size), []
        for _ in range(5):
            start = time.thread_time()
            with contextlib.suppress(ValueError):
                parse_path(argument)
            taken.append(time.thread_time() - start)
        return min(taken)

    # Were it the square, eight times the length would take 64 times as long.
    assert seconds(16_000) < 24 * seconds(2000) + 0.001


_LOCAL = st.text("abcXYZ.+!\u00e9", min_size=1, max_size=20) | st.just('"a b@<>,:"')
_DOMAIN = st.from_regex(r"([A-Za-z0-9][A-Za-z0-9-]{0,10}[A-Za-z0-9]\.){0,3}[A-Za-z][A-Za-z0-9]{0,10}", fullmatch=True)
_LITERAL = st.sampled_from(["[IPv6:2001:db8::1]", "[192.0.2.1]"])


@given(
    local=_LOCAL,
    domain=_DOMAIN | _LITERAL,
    route=st.sampled_from(["", "@a.example:", "@a,@b.c:"]),
    end=st.sampled_from(["", " X=1"]),
)
def test_every_good_address_comes_out_as_it_went_in(local: str, domain: str, route: str, end: str) -> None:
    assert parse_path(f"TO:<{route}{local}@{domain}>{end}").address == f"{local}@{domain}"
