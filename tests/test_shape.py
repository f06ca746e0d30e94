"""The shape of the tree: which way imports go, where third parties live, what is pure, and that files have twins.

Imports inside functions and under `TYPE_CHECKING` count as well: a name that is known is a name that is depended on.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mailtrap_py"
PLUGIN = ROOT / "pytest_plugin" / "mailtrap_pytest"

# Who may know whom. A room is a file or a folder of the package; "everything" is what stands above it here.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "pattern": set(),
    "ids": set(),
    "codes": set(),
    "message": set(),
    "clock": {"errors"},
    "quantities": set(),
    "settings": {"errors", "written", "quantities"},
    "written": {"quantities"},
    "ports": {"errors"},
    "event_loop": set(),
    "scenario": {"errors", "events", "message", "pattern", "quantities"},
    "inbox": {"errors", "events", "scenario", "clock"},
    "store": {"errors", "events", "message", "pattern", "ids"},
    "smtp": {"errors", "events", "scenario", "inbox", "clock", "ids", "ports"},
    "web": {
        "errors",
        "events",
        "scenario",
        "inbox",
        "clock",
        "ids",
        "message",
        "pattern",
        "quantities",
        "store",
        "settings",
        "codes",
    },
    "http_server": {"web"},
    "inbox_ports": {"errors", "inbox", "ports", "scenario", "smtp"},
}
ARROWS["trap"] = set(ARROWS)
ARROWS["check"] = {"errors", "codes"}  # a client: it shares nothing with the server
ARROWS["captured"] = {"events", "message", "pattern", "store"}
ARROWS["handle"] = set(ARROWS)
ARROWS["cli"] = {
    "event_loop",
    "errors",
    "settings",
    "scenario",
    "message",
    "trap",
    "handle",
    "events",
    "store",
    "codes",
    "check",
}  # run judges a record
ARROWS["__main__"] = {"cli"}
ARROWS["__init__"] = {"errors", "handle", "settings", "trap"}

# Where a third party lives: a file, or a folder and all in it.
HOMES: dict[str, set[str]] = {
    "aiosmtpd": {"smtp/session.py"},
    "cryptography": {"smtp/tls.py", "check/certificate.py"},
    "jinja2": {"web"},
    "prometheus_client": {"web/metrics.py"},
    "msgspec": {"events.py", "store"},
    "pydantic": {"scenario", "settings.py", "web"},
    "pydantic_core": {"scenario", "web"},
    "rich": {"cli"},
    "sqlalchemy": {"store"},
    "starlette": {"web", "http_server.py"},
    "trustme": {"smtp/tls.py"},
    "typer": {"cli"},
    "uvloop": {"event_loop.py"},
    "uvicorn": {"http_server.py"},
    "yaml": {"scenario/document.py", "scenario/catalogue.py", "scenario/persona.py"},
}

PURE = {"codes", "events", "message", "pattern", "quantities", "scenario"}
IMPURE = {"asyncio", "socket", "ssl", "time", "random", "sqlite3"}

# Files without a twin among the tests, and why.
NO_TWIN: dict[str, str] = {
    "mailtrap_py/__init__.py": "test_wheel.py and every test that uses a public name run it",
}

SOURCES = sorted(path for folder in (PACKAGE, PLUGIN) for path in folder.rglob("*.py"))


def own(top: Path) -> list[Path]:
    return [path for path in SOURCES if path.is_relative_to(top)]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def brief(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Import:
    """One name that a file imports, wherever in it; as in `mailtrap_py.smtp.session.Session`."""

    path: Path
    line: int
    name: str

    @property
    def top(self) -> str:
        return self.name.split(".")[0]

    @property
    def third_party(self) -> bool:
        return self.top not in sys.stdlib_module_names and self.top not in {"mailtrap_py", "mailtrap_pytest"}

    def __str__(self) -> str:
        return f"{brief(self.path)}:{self.line} imports {self.name}"


def imports(paths: list[Path]) -> Iterator[Import]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (Import(path, node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{brief(path)}:{node.lineno}: write the import in full"
                yield from (Import(path, node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def told(wrong: Iterator[Import]) -> str:
    return "\n".join(str(found) for found in wrong)


def test_every_room_has_its_arrows() -> None:
    assert {room(path) for path in own(PACKAGE)} == ARROWS.keys()


def test_imports_go_one_way() -> None:
    def allowed(found: Import) -> bool:
        here, there = room(found.path), found.name.split(".")[1]
        return there in ARROWS[here] or there in {here, "__version__"}

    known = (found for found in imports(own(PACKAGE)) if found.top == "mailtrap_py")

    assert told(found for found in known if not allowed(found)) == ""


def test_third_parties_live_at_home() -> None:
    def at_home(found: Import) -> bool:
        here = found.path.relative_to(PACKAGE)
        return not HOMES.get(found.top, set()).isdisjoint(place.as_posix() for place in (here, *here.parents))

    assert told(found for found in imports(own(PACKAGE)) if found.third_party and not at_home(found)) == ""


def test_pure_rooms_know_neither_time_nor_chance_nor_the_network() -> None:
    pure = [path for path in own(PACKAGE) if room(path) in PURE]

    assert told(found for found in imports(pure) if found.top in IMPURE) == ""


def test_third_parties_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    declared = {re.split(r"[^\w-]", requirement)[0] for requirement in needed}
    # Two are imported by another name than they are installed by.
    used = {
        {"yaml": "pyyaml", "pydantic_core": "pydantic", "prometheus_client": "prometheus-client"}.get(name, name)
        for name in HOMES
    }

    assert declared == used | {"pytest", "websockets"}  # the plugin's, and uvicorn's


def test_the_plugin_uses_public_names() -> None:
    def public(found: Import) -> bool:
        package, _, name = found.name.rpartition(".")
        return package in {"mailtrap_py", "mailtrap_py.handle"} and not name.startswith("_")

    known = (found for found in imports(own(PLUGIN)) if found.top == "mailtrap_py")

    assert told(found for found in known if not public(found)) == ""


def twin(path: Path) -> str:
    """Name the test of a source file: its path, joined; a folder's `__init__.py` is named by the folder."""
    parts = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).with_suffix("").parts
    return f"tests/test_{'_'.join(part for part in parts if part not in {'__init__', 'mailtrap_pytest'})}.py"


def has_code(path: Path) -> bool:
    """Say whether a file has anything of its own to test, or only passes names on."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(path.read_text("utf-8")).body)


def test_every_file_has_a_twin() -> None:
    lonely = {brief(path): twin(path) for path in SOURCES if has_code(path) and not (ROOT / twin(path)).is_file()}

    assert sorted(lonely) == sorted(NO_TWIN), "write the tests, or say in NO_TWIN why there are none"


def test_no_expression_repeats_a_group_possessively() -> None:
    # CPython before 3.11.5 matches `(...)*+` wrongly (its issue 106052), and Debian 12 has 3.11.2.
    files = [*PACKAGE.rglob("*.py"), *PLUGIN.rglob("*.py")]
    found = [path.name for path in files if re.search(r"\)[*+?]\+|\(\?>", path.read_text(encoding="utf-8"))]
    assert found == []
