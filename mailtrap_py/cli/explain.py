"""`mailtrap-py explain`: what a reply of a mail server means, and what a client should do about it."""

# ruff: noqa: PLC0415 - what prints is imported when something is printed

from __future__ import annotations

import json
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from mailtrap_py import codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from mailtrap_py.scenario.catalogue import KnownReply

_CONTINUED = re.compile(r"(?<![0-9])([2-5][0-9]{2})-")
_WIDE = 100  # columns beyond which a sentence is harder to read


def explain(
    reply: Annotated[
        list[str] | None,
        typer.Argument(metavar="REPLY", help="A code or two, or what a server said. - reads the standard input."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, a list with an object for each.")] = False,
) -> None:
    """Explain a reply code of SMTP, an enhanced status code, or a line that a server sent.

    \b
    mailtrap-py explain 550
    mailtrap-py explain 5.7.1
    mailtrap-py explain "550 5.7.1 Relaying denied"
    grep said: mail.log | mailtrap-py explain -

    Without a reply it lists all codes that it knows: those of RFC 5321, RFC 4954 and the other standards of SMTP, and
    the registry of enhanced status codes. Others are explained by their digits.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    from mailtrap_py.cli.console import console

    if not reply:
        _list(console(), as_json=as_json)
        return
    # A log may have octets that are no text; the codes are ASCII.
    text = sys.stdin.buffer.read().decode("utf-8", "replace") if reply == ["-"] else " ".join(reply)
    found = [(each, _said_by(each, line)) for each, line in _explained(text)]
    if not found:
        raise typer.BadParameter(
            "there is no reply code in it; write one of three digits, as in 550, or one as 5.7.1, or both",
            param_hint="REPLY",
        )
    if as_json:
        typer.echo(json.dumps([_data(*each) for each in found], indent=2))
        return
    for number, each in enumerate(found):
        if number:
            typer.echo()
        _tell(*each, console())


def _explained(text: str) -> Iterator[tuple[codes.Explanation, str]]:
    """Go through the replies of a text, each once and with its first line; lines that say nothing new are left out."""
    seen = set()
    continued = ""
    for line in text.splitlines():
        found = codes.find(line)
        if found is None or found in seen or (continued and found == (continued, "")):
            continue
        seen.add(found)
        more = _CONTINUED.search(line)
        continued = more[1] if more and more[1] == found[0] else ""
        yield codes.explanation(*found), line


def _said_by(explained: codes.Explanation, line: str) -> KnownReply | None:
    from mailtrap_py.cli.wording import said_by

    if explained.reply is None:
        return None
    return said_by(explained.reply.code, line.partition(explained.reply.code)[2])


def _data(explained: codes.Explanation, known: KnownReply | None) -> dict[str, object]:
    def of(meaning: codes.Meaning | None) -> dict[str, object] | None:
        if meaning is None:
            return None
        kept = ("code", "verdict", "means", "source", "known")
        return {name: getattr(meaning, name) for name in kept}

    return {
        "codes": explained.codes,
        "verdict": explained.verdict,
        "reply": of(explained.reply),
        "enhanced": of(explained.enhanced),
        "do": explained.do,
        "caution": explained.caution,
        "seen": {"id": known.id, "source": known.source, "class": known.class_} if known else None,
    }


def style_of(codes_of_reply: str) -> str:
    """Give the colour of a reply, by its first digit."""
    return {"2": "bold green", "3": "bold green", "4": "bold yellow", "5": "bold red"}.get(codes_of_reply[:1], "bold")


def _tell(explained: codes.Explanation, known: KnownReply | None, console: Console) -> None:
    """Print it: the verdict, a sentence for each code with its source, what to do, and who says it in these words."""
    from rich.text import Text

    from mailtrap_py.cli.wording import remark

    console.print(Text(f"{explained.codes}: {explained.verdict}", style=style_of(explained.codes)))
    meanings = [each for each in (explained.reply, explained.enhanced) if each is not None]
    rows = [(each.code, each.means, each.source if each.known else f"unknown; {each.source}") for each in meanings]
    rows.append(("do", explained.do, ""))
    if explained.caution:
        rows.append(("but", explained.caution, ""))
    if known:
        rows.append(("seen", remark(known), ""))
    margin = max(len(label) for label, _, _ in rows) + 4
    for label, sentence, source in rows:
        lines = textwrap.wrap(sentence, min(console.width, _WIDE) - margin, break_on_hyphens=False)
        for number, line in enumerate(lines):
            console.print(Text(f"  {'' if number else label}".ljust(margin) + line))
        if source:
            console.print(Text(" " * margin + source, style="dim"))


def _list(console: Console, *, as_json: bool) -> None:
    from rich.table import Table

    known = [codes.reply_meaning(each) for each in codes.known_replies()]
    # The registry writes X for the first digit, as most details may be temporary or permanent.
    known += [codes.registered(each) for each in codes.known_enhanced()]
    if as_json:
        kept = ("code", "verdict", "means", "source")
        typer.echo(json.dumps([{name: getattr(each, name) for name in kept} for each in known], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("code", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what it means")
    for each in known:
        table.add_row(each.code, each.verdict, each.means)
    console.print(table)
