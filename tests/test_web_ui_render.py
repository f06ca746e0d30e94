from __future__ import annotations

import time

import pytest

from mailtrap_py.web.ui_render import ago, duration, iso, octets, people, query
from tests.served import OCTOBER, Served


def test_a_time_is_written_in_utc() -> None:
    assert iso(OCTOBER) == "2026-10-01T09:00:00.500Z"


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (-5, "just now"),
        (0.5, "just now"),
        (1.5, "1 s ago"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (7300, "2 hours ago"),
        (86_500, "1 day ago"),
        (86_400 * 70, "2 months ago"),
        (86_400 * 800, "2 years ago"),
    ],
)
def test_how_long_ago(passed: float, words: str) -> None:
    assert ago(time.time() - passed) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (150_000, "150 kB"),
        (52_428_800, "52.4 MB"),
        (10**11, "100.0 GB"),
    ],
)
def test_a_size(number: int, words: str) -> None:
    assert octets(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 ms"), (0.0123, "12 ms"), (1.5, "1.50 s"), (59, "59.00 s"), (125, "2 min 5 s"), (3600, "60 min 0 s")],
)
def test_a_length_of_time(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("Ann <ann@example.com>, bob@example.com", "Ann, bob@example.com"),
        ("undisclosed-recipients:;", "undisclosed-recipients:;"),
    ],
)
def test_people_are_named(field: str, words: str) -> None:
    assert people(field) == words


def test_a_query_leaves_out_what_is_empty() -> None:
    assert query(to="", before=None) == ""
    assert query(to="a b", from_="ü&", before=0) == "?to=a+b&from=%C3%BC%26&before=0"


@pytest.mark.parametrize(
    ("host", "shown"),
    [("localhost:8025", "localhost:1025"), ("[::1]:8025", "[::1]:1025"), ("127.0.0.1", "127.0.0.1:1025")],
)
def test_smtp_is_where_the_page_is(host: str, shown: str) -> None:
    with Served.open() as served:
        page = served.ask("GET", "/", headers={"Host": host})
        assert f'data-copy="{shown}"' in page.text


def test_a_name_that_could_be_markup_is_not_shown() -> None:
    with Served.open(host="0.0.0.0") as served:
        page = served.ask("GET", "/", headers={"Host": "a'b"})
        assert page.status_code == 200
        assert "a'b" not in page.text
        assert 'data-copy="localhost:1025"' in page.text


def test_every_page_has_a_strict_policy() -> None:
    with Served.open() as served:
        for path in ("/", "/sessions", "/scenario", "/messages/none", "/sessions/none"):
            headers = served.ask("GET", path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
            assert "frame-ancestors 'self'" in policy
            assert "unsafe" not in policy
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-type"] == "text/html; charset=utf-8"


def test_pages_name_their_style_and_script_by_content() -> None:
    with Served.open() as served:
        page = served.ask("GET", "/").text
        for file in ("app.css", "app.js"):
            start = page.index(f"/static/{file}?v=")
            assert served.ask("GET", page[start : page.index('"', start)]).status_code == 200
        assert served.ask("GET", "/static/icon.svg").headers["content-type"] == "image/svg+xml"
        assert served.ask("GET", "/static/../ui.py").status_code == 404
