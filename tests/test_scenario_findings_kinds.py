"""What a kind of finding makes of the spots that it sees."""

from __future__ import annotations

from collections.abc import Iterator

from mailtrap_py.scenario.findings.kinds import Finding, Level, Spot, kind


@kind(Level.INFO, "RFC 1, section 1", "A letter", "Because.")
def _some_letter(text: str) -> Iterator[Spot]:
    yield from (Spot((), letter, "loud" if letter.isupper() else "") for letter in text if letter != "-")


def test_the_name_is_that_of_the_function() -> None:
    assert _some_letter.name == "some-letter"


def test_spots_of_one_session_become_one_finding() -> None:
    assert list(_some_letter.findings(["ab", "a", "-"], "here")) == [
        Finding("some-letter", Level.INFO, "A letter: a, b", "Because.", "RFC 1, section 1", "here", ())
    ]


def test_spots_may_belong_elsewhere() -> None:
    assert [(found.session_id, found.text) for found in _some_letter.findings(["aB"], "here")] == [
        ("here", "A letter: a"),
        ("loud", "A letter: B"),
    ]


def test_many_details_are_cut_and_none_need_not_be() -> None:
    assert [found.text for found in _some_letter.findings(["abcd"])] == ["A letter: a, b, c, …"]
    assert list(_some_letter.findings(["-"])) == []
