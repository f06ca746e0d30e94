"""The page `docs/clients.md`: written from rows, and read back into them, so that a part of it can be made anew."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailtrap_py.scenario.findings import KINDS
from mailtrap_py.scenario.verdict import Grade
from tests.gauntlet.notes import Note

FIRST_LINE = "<!-- Made by `python tests/gauntlet/table.py --write`. Never edited by hand. -->"
NOT_MET = "—"
HELD = " ✓"
NOBODY_MET = "Nobody came to where the server fails."

CLASSES: Mapping[str, str] = {
    "legal": "What a server may do by RFC 5321",
    "seen": "What servers do although they may not",
    "hostile": "Attacks",
}

INTRODUCTION = """\
# What mail clients do when the server fails

Each client below sends a message of 100 KB through a server that fails as one of the [scenarios](scenarios.md) says,
and its exit code is compared with what became of the mail. Where a scenario needs more (several recipients, several
messages over one connection, several connections at once) it sends that. The [programs](../tests/gauntlet/clients) are
what an application developer writes after reading the client's documentation, with a time-out of 4 seconds where the
client has one (curl: 8 seconds for each message). They keep no queue and try nothing twice: what you see is what the
library does. That nobody *retries* is therefore no surprise; what matters is whether the application is told the truth,
so that it can.

Under the scenarios about TLS and AUTH the programs log in, and insist on STARTTLS as far as the client knows how to.
Under the others they neither ask for TLS nor log in. The machine trusts the certificate authority of the server.

To see the same for your own program: `mailtrap-py gauntlet -- COMMAND` for all of it, `mailtrap-py run SCENARIO --
COMMAND` for one failure in every detail."""


@dataclass(frozen=True, slots=True)
class Row:
    """One client under one scenario, in the words of the page."""

    client: str
    grade: str
    said: str
    stored: str
    time: str
    findings: str

    @property
    def bad(self) -> bool:
        """Whether the grade is a bad one."""
        return self.grade.startswith("**")

    @property
    def word(self) -> str:
        """The grade without its marks; `NOT_MET` stays."""
        return self.grade.removesuffix(HELD).strip("*")


def _unmet(clients: Iterable[str]) -> dict[str, Row]:
    return {client: Row(client, NOT_MET, "", "", "", "") for client in clients}


@dataclass(slots=True)
class Section:
    """One scenario: what it is, its rows by client, and who held which of its expectations.

    What nobody met has rows that say only that.
    """

    name: str
    kind: str
    about: str
    rows: dict[str, Row] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether a client came to where the server fails."""
        return any(row.word != NOT_MET for row in self.rows.values())


@dataclass(slots=True)
class Page:
    """All of it. `clients` gives by name, in order, a link to the program, and the version."""

    clients: dict[str, tuple[str, str]] = field(default_factory=dict)
    faultless: dict[str, str] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)

    def put(self, section: Section) -> None:
        """Put in a scenario that was run: its clients take the place of what was there, the others stay."""
        before = self.sections.get(section.name)
        if before is not None:
            kept = before.rows.keys() - section.rows.keys()
            section.rows = {name: row for name, row in before.rows.items() if name in kept} | section.rows
            for expectation in section.held:
                section.held[expectation] |= before.held.get(expectation, set()) & kept
        if not section.met:
            section.rows, section.held = _unmet(section.rows), {}
        self.sections[section.name] = section


# -- writing


def write(page: Page, notes: Sequence[Note] = ()) -> str:
    """Write the page, with the notes that are fit for it."""
    parts = [FIRST_LINE, INTRODUCTION, _grades(), _clients(page)]
    by_class = {kind: [each for each in page.sections.values() if each.kind == kind] for kind in CLASSES}
    parts.append("## All at once")
    for kind, sections in by_class.items():
        if sections:
            parts += [f"{CLASSES[kind]} (`{kind}`):", _overview(page, sections)]
    if notes:
        parts += ["## What is behind it", _notes(notes)]
    parts.append("## One by one")
    for sections in by_class.values():
        for section in sections:
            parts += _section(page, section)
    parts += _glossary(page)
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = (f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
    return "\n".join(lines)


def code(text: str) -> str:
    """Quote words of a program, so that a cell of a table can hold them; nothing is nothing."""
    text = text.replace("`", "'").replace("|", "\\|").strip()
    return f"`{text}`" if text else ""


def _grades() -> str:
    words = [
        (f"**{grade}**" if grade.bad else str(grade), f"{grade.meaning[0].upper()}{grade.meaning[1:]}.")
        for grade in Grade
    ]
    legend = (
        "**Bold** is bad. ✓: everything holds that the scenario expects of a correct client, retries included.\n"
        f"{NOT_MET}: the client never came to the point where the server fails."
    )
    return f"## The grades\n\n{table(('grade', 'meaning'), words)}\n\n{legend}"


def _clients(page: Page) -> str:
    rows = []
    for name, (link, version) in page.clients.items():
        own = [section.rows[name] for section in page.sections.values() if name in section.rows]
        met = [row for row in own if row.word != NOT_MET]
        counts = Counter(row.word for row in met if row.bad)
        bad = ", ".join(f"{number} {word}" for word, number in sorted(counts.items())) or "none"
        robust = sum(row.grade.endswith(HELD) for row in met)
        rows.append((link, version, str(len(met)), str(robust), bad, page.faultless.get(name, "")))
    head = ("client", "version", "failures met", "✓", "bad grades", "found also when nothing is wrong")
    return f"## The clients\n\n{table(head, rows)}"


def _overview(page: Page, sections: Sequence[Section]) -> str:
    rows = [
        [f"[{section.name}](#{section.name})", *(_word(section, client) for client in page.clients)]
        for section in sections
        if section.met
    ]
    unmet = ", ".join(f"[{section.name}](#{section.name})" for section in sections if not section.met)
    return table(["scenario", *page.clients], rows) + (f"\n\n{_UNMET}{unmet}" if unmet else "")


def _word(section: Section, client: str) -> str:
    row = section.rows.get(client)
    return row.grade if row else ""


def _notes(notes: Sequence[Note]) -> str:
    rows = []
    for note in notes:
        grade = f"**{note.grade}**" if Grade(note.grade).bad else note.grade
        places = ", ".join(f"[{scenario}](#{scenario})" for scenario in note.scenarios)
        rows.append((", ".join(note.clients), grade, places, note.why))
    return table(("client", "grade", "scenario", "why"), rows)


def _section(page: Page, section: Section) -> Iterator[str]:
    yield f"### {section.name}"
    yield section.about
    if not section.met:
        yield NOBODY_MET
        return
    rows = [section.rows[client] for client in page.clients if client in section.rows]
    cells = [(row.client, row.grade, row.said, row.stored, row.time, row.findings) for row in rows]
    yield table(("client", "grade", "what it reported", "stored", "time", "findings"), cells)
    lines = [f"- `{each}`: {_holders(holders, rows)}" for each, holders in section.held.items()]
    if lines:
        yield "\n".join(lines)


def _holders(holders: set[str], rows: Sequence[Row]) -> str:
    names = [row.client for row in rows if row.client in holders]
    if len(names) == len(rows):
        return "everyone"
    return ", ".join(names) or "nobody"


def _glossary(page: Page) -> Iterator[str]:
    every = (row for section in page.sections.values() for row in section.rows.values())
    used = {word for words in (*(row.findings for row in every), *page.faultless.values()) for word in words.split()}
    rows = [(kind.name, str(kind.level), kind.sentence, kind.rfc) for kind in KINDS if f"`{kind.name}`" in used]
    if rows:
        yield "## The findings"
        yield table(("finding", "level", "meaning", "see"), rows)


# -- reading

_UNMET = "Met by nobody: "
_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\[(.+)\]\(.+\)")
_EXPECTATION = re.compile(r"- `(.+)`: (.+)")


def read(text: str) -> Page:
    """Read a page that `write` wrote, but for its notes and its glossary."""
    page = Page()
    kinds: dict[str, str] = {}
    for chunk in re.split(r"^##+ ", text, flags=re.MULTILINE):
        title, _, body = chunk.partition("\n")
        rows = [[cell.strip() for cell in _CELL.split(line)[1:-1]] for line in body.splitlines() if line[:1] == "|"][2:]
        if title == "The clients":
            for link, version, _, _, _, faultless in rows:
                name = _LINK.sub(r"\1", link)
                page.clients[name] = (link, version)
                page.faultless[name] = faultless
        elif title == "All at once":
            kinds = _kinds(body)
        elif title in kinds:
            section = page.sections[title] = _read_section(title, kinds[title], body, rows)
            if NOBODY_MET in body:
                section.rows = _unmet(page.clients)
    return page


def _kinds(body: str) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for part in re.split(r"\(`", body)[1:]:
        names = re.findall(r"^\| \[(.+?)\]", part, flags=re.MULTILINE)
        for line in re.findall(rf"^{_UNMET}(.+)", part, flags=re.MULTILINE):
            names += re.findall(r"\[(.+?)\]", line)
        kinds |= dict.fromkeys(names, part.partition("`")[0])
    return kinds


def _read_section(name: str, kind: str, body: str, rows: Sequence[Sequence[str]]) -> Section:
    about = body.strip().partition("\n\n")[0]
    section = Section(name, kind, about, {cells[0]: Row(*cells) for cells in rows})
    for expectation, holders in _EXPECTATION.findall(body):
        names = {"everyone": set(section.rows), "nobody": set()}.get(holders)
        section.held[expectation] = set(holders.split(", ")) if names is None else names
    return section
