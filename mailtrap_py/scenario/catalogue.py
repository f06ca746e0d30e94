"""What real servers say, as data: `catalogue.yaml`, read when a scenario first names a reply by its id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailtrap_py.events import Point, Reply
from mailtrap_py.scenario.mistakes import Mistake, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("catalogue.yaml")
ID_PATTERN = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+"


class Truth(StrEnum):
    """What a reply means: what its code says, or, for the last two, the opposite."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    DEFERRAL = "deferral"
    DEAD_END = "dead-end"


@dataclass(frozen=True, slots=True)
class KnownReply:
    """A reply of a real server: who says it and how that is known, where, and what it means."""

    id: str
    source: str
    point: Point
    class_: Truth
    reply: Reply


def find(name: str) -> Reply:
    """Give the reply of that id. Raises `Mistake`, with the nearest id, when there is none."""
    known = entries()
    if name not in known:
        server = name.partition("-")[0]
        others = [each for each in known if each.startswith(f"{server}-")]
        cure = nearest(name, known) or (f"of {server} there are: {', '.join(others)}" if others else "")
        raise Mistake(f"there is no reply {name!r} in the catalogue", cure or "write a code and a text")
    return known[name].reply


@cache
def entries() -> Mapping[str, KnownReply]:
    """Read the catalogue: every reply by its id, in the order of the file."""
    import yaml  # noqa: PLC0415 - for who names a reply by its id

    return {each["id"]: _entry(**each) for each in yaml.safe_load(FILE.read_text("utf-8"))}


def _entry(*, reply: str | list[str], point: str, **said: Any) -> KnownReply:  # noqa: ANN401 - texts, all of them
    lines = [reply] if isinstance(reply, str) else reply
    return KnownReply(said["id"], said["source"], Point(point), Truth(said["class"]), Reply.parse("\n".join(lines)))
