from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.smtp.travel import (
    SEGMENT_PAUSE,
    Dripped,
    Duplicated,
    LineEnded,
    Manner,
    Piece,
    Preceded,
    Split,
    Truncated,
    pieces,
)

REPLY = b"250-a\r\n250 b\r\n"


def test_without_manners_it_travels_whole() -> None:
    assert pieces(REPLY, []) == (Piece(REPLY),)


def test_dripped() -> None:
    assert pieces(b"250 x", [Dripped(2, 0.5)]) == (Piece(b"25"), Piece(b"0 ", wait=0.5), Piece(b"x", wait=0.5))


def test_split_where_there_is_something_to_split() -> None:
    assert pieces(b"250 x", [Split((3, 3, 0, 99))]) == (Piece(b"250"), Piece(b" x", gap=SEGMENT_PAUSE))


def test_line_ends() -> None:
    ends = {end: pieces(REPLY, [LineEnded(end)])[0].data for end in ("lf", "cr", "crcrlf", "none")}
    assert ends == {
        "lf": b"250-a\n250 b\n",
        "cr": b"250-a\r250 b\r",
        "crcrlf": b"250-a\r\r\n250 b\r\r\n",
        "none": b"250-a250 b",
    }


def test_manners_work_in_their_order() -> None:
    assert pieces(b"250 x\r\n", [Truncated(3), Duplicated(), Preceded(b"220 hi\r\n")]) == (Piece(b"220 hi\r\n250250"),)
    assert pieces(b"250 x\r\n", [Duplicated(), Truncated(3)]) == (Piece(b"250"),)


def test_nothing_is_left_of_a_reply_cut_at_its_beginning() -> None:
    assert pieces(b"250 x\r\n", [Truncated(0), Dripped(1, 1.0)]) == ()


MANNERS: st.SearchStrategy[Manner] = st.one_of(
    st.builds(Dripped, st.integers(1, 5), st.floats(0, 1)),
    st.builds(Split, st.lists(st.integers(0, 40)).map(tuple)),
)


@given(st.binary(min_size=1), st.lists(MANNERS))
def test_pieces_are_the_reply(data: bytes, manners: list[Manner]) -> None:
    assert b"".join(piece.data for piece in pieces(data, manners)) == data
