"""Fuzzing of the views of a message, by coverage: `PYTHONPATH=. python tests/fuzz/message.py [CORPUS] [-runs=N]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["mailtrap_py.message"]):
    from mailtrap_py.message import summarize, view


def once(data: bytes) -> None:
    summarize(data)
    seen = view(data)
    for part in seen.parts:
        assert len(part.data) <= 4 * len(data) + 4
    assert len(seen.headers) <= len(data)
    # Whatever it is, it can be shown.
    for text in (seen.subject, seen.from_, seen.to, seen.cc, seen.date, seen.message_id, seen.text, seen.html):
        assert isinstance(text, str)
    list(seen.links), list(seen.codes), list(seen.attachments), list(seen.defects)


if __name__ == "__main__":
    atheris.Setup(sys.argv, once)
    atheris.Fuzz()
