"""The README holds: its examples pass, its commands work as they stand from top to bottom, its tables are complete.

Commands are run in a network of their own, so that the usual ports are free and no name leads anywhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailtrap_py.scenario.library import names
from mailtrap_py.scenario.load import load

if TYPE_CHECKING:
    from tests.conftest import Missing, Need

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PATIENCE = 60  # seconds
START = "pip install . && mailtrap-py\n"
TEST = "pip install '.[test]' && pytest\n"
SERVES = re.compile(r"^mailtrap-py(?: serve\b.*)?$")


@dataclass(frozen=True)
class Block:
    language: str
    text: str

    @property
    def file(self) -> str:
        """Give the name that a block carries in a comment at its top, or nothing."""
        found = re.match(r"# (\S+\.\w+)\n", self.text)
        return found[1] if found else ""


BLOCKS = [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]
COMMANDS = [block.text for block in BLOCKS if block.language == "sh"]
PROGRAMS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
ENVIRONMENT = {**os.environ, "PATH": PROGRAMS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the files of the README."""
    for block in BLOCKS:
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    return tmp_path


def test_every_block_is_known() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "python", "yaml"}
    assert [block.text for block in BLOCKS if block.language != "sh" and not block.file] == []


def test_the_two_commands_come_first() -> None:
    assert COMMANDS[:2] == [START, TEST]


def test_the_tests_in_it_pass(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.fixture
def network(need: Need, missing: Missing) -> Iterator[list[str]]:
    """Make a network that has loopback and nothing else; give the command that runs another one in it."""
    if os.geteuid() != 0:
        missing("only root can make a network here")
    keep = [need("unshare"), "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"]
    need("ip")
    with subprocess.Popen(keep, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "up\n"
        yield [need("nsenter"), f"--net=/proc/{holder.pid}/ns/net"]
        holder.terminate()


@contextlib.contextmanager
def serving(command: list[str], folder: Path) -> Iterator[None]:
    """Run a command that serves until it is told to stop; it has to say that it is ready, and to end without error."""
    with subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        try:
            said: list[str] = []
            while not said or not said[-1].startswith("ready: "):
                line = server.stdout.readline() if server.stdout else ""
                said.append(line)
                assert line, f"{command} did not get ready: {said}"
            assert "smtp://127.0.0.1:1025" in said[-1]
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            code = server.wait(PATIENCE)
    assert code == 0


@pytest.mark.slow
def test_the_commands_work_from_top_to_bottom(folder: Path, network: list[str], need: Need) -> None:
    for program in ("bash", "curl", "swaks", "mailtrap-py"):
        need(program)
    with contextlib.ExitStack() as servers:
        for commands in COMMANDS:
            if commands == TEST or commands.startswith("docker "):
                continue  # the first is how this runs; for the second there is tests/container
            # What `pip install .` gives is there already; tests/test_wheel.py does it afresh.
            script = [*network, "bash", "-euc", commands.removeprefix("pip install . && ")]
            if SERVES.match(commands.removeprefix("pip install . && ").splitlines()[-1]):
                servers.close()  # the one before: the ports are the same
                servers.enter_context(serving(script, folder))
            else:
                done = subprocess.run(
                    script,
                    cwd=folder,
                    env=ENVIRONMENT,
                    check=False,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE,
                )
                assert done.returncode == 0, f"{commands}{done.stdout}{done.stderr}"


def test_the_container_is_the_one_that_is_tested() -> None:
    (commands,) = [commands for commands in COMMANDS if commands.startswith("docker ")]
    exposed = re.search(r"^EXPOSE (.*)$", (ROOT / "Containerfile").read_text("utf-8"), re.MULTILINE)

    assert "--file Containerfile" in commands
    assert exposed
    assert set(re.findall(r"--publish \d+:(\d+)", commands)) <= set(exposed[1].split())


def test_the_scenarios_it_shows_are_those_of_the_library() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", README, re.MULTILINE)

    assert len(rows) >= 10
    assert rows == [(name, load(name).summary) for name, _ in rows]
    assert len(names()) > 100  # as it says


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))

    assert links
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()] == []


def test_the_map_knows_every_page() -> None:
    known = (ROOT / "docs" / "index.md").read_text("utf-8")

    assert [
        page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md" and page.name not in known
    ] == []
