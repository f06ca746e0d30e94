"""Run the clients under the scenarios: `python tests/gauntlet/table.py [--clients a,b] [--scenarios x,y] [--write]`.

Without `--write` the page goes to the standard output; with it, what was run takes its place in `docs/clients.md`. A
client that is not on this machine and cannot be fetched is left out, with its reason; with CI=true that is a failure.
"""

# ruff: noqa: E402 - as a script this has to say where the project is before it imports from there

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from mailtrap_py.scenario import Scenario, load
from mailtrap_py.scenario.library import names
from mailtrap_py.scenario.verdict import Grade
from tests.gauntlet.engine import FAULTLESS, FAULTLESS_LOGIN, Run, play, wants_login
from tests.gauntlet.notes import NOTES, Note
from tests.gauntlet.page import HELD, NOT_MET, Page, Row, Section, code, read, write
from tests.gauntlet.programs import CLIENTS, AbsentError, Client, Program, Workshop

PAGE = ROOT / "docs" / "clients.md"

_AT_ONCE = 6  # runs; most of the time they wait
_TIMES = ((2, "< 2 s"), (6, "2 to 6 s"), (10, "6 to 10 s"), (20, "10 to 20 s"), (40, "20 to 40 s"))
_OF_THE_MACHINE = frozenset({"helo-name"})  # it shows what this machine is called

Runs = Mapping[str, Mapping[str, Run]]  # by scenario and client


def prepare(clients: Sequence[Client], workshop: Workshop) -> Iterator[tuple[Client, Program]]:
    """Make clients ready; say which are not there. Raises `AbsentError` for those where CI=true."""
    for client in clients:
        try:
            yield client, client.ready(workshop)
        except AbsentError as error:
            if os.environ.get("CI") == "true":
                raise
            _tell(f"{client.name} is left out: {error}")


def run_all(ready: Sequence[tuple[Client, Program]], scenarios: Sequence[str]) -> Runs:
    """Run every client under every scenario, several at once, each in a process of its own, which is ended with us."""
    tasks = [(program, scenario, client.tells) for scenario in scenarios for client, program in ready]
    places = [(scenario, client.name) for scenario in scenarios for client, _ in ready]
    runs: dict[str, dict[str, Run]] = {}
    with multiprocessing.get_context("spawn").Pool(_AT_ONCE) as pool:
        for (scenario, client), run in zip(places, pool.imap(_play, tasks), strict=True):
            runs.setdefault(scenario, {})[client] = run
            _tell(f"{scenario}: {client}: {grade_of(run)}")
    return runs


def _play(task: tuple[Program, str, bool]) -> Run:
    program, scenario, tells = task
    return play(program, scenario, tells=tells)


def unfit_runs(runs: Runs) -> Iterator[tuple[str, str, Run]]:
    """Find the clients that could not send at all: their grades would mean nothing."""
    for name in (FAULTLESS, FAULTLESS_LOGIN):
        for client, run in runs[name].items():
            if run.grade is not Grade.DELIVERED:
                yield name, client, run


def add(page: Page, ready: Sequence[tuple[Client, Program]], runs: Runs) -> None:
    """Put runs into the page."""
    for client, program in ready:
        page.clients[client.name] = (f"[{client.name}](../tests/gauntlet/clients/{client.source})", program.version)
        page.faultless[client.name] = kinds_of(runs[FAULTLESS][client.name])
    order = [client.name for client in CLIENTS]
    page.clients = dict(sorted(page.clients.items(), key=lambda item: order.index(item[0])))
    for name, of_clients in runs.items():
        if name in {FAULTLESS, FAULTLESS_LOGIN}:
            continue
        scenario = load(name)
        faultless = runs[FAULTLESS_LOGIN if wants_login(name) else FAULTLESS]
        section = Section(name, str(scenario.class_), about(scenario))
        for who, run in of_clients.items():
            section.rows[who] = row_of(who, run, faultless[who])
            for result in run.results:
                holders = section.held.setdefault(result.expectation, set())
                if result.passed:
                    holders.add(who)
        page.put(section)
    shipped = names()
    page.sections = {name: page.sections[name] for name in sorted(page.sections) if name in shipped}


def about(scenario: Scenario) -> str:
    """Say what a scenario is, and what it takes to meet it."""
    imitates = f" Imitates {scenario.imitates}." if scenario.imitates else ""
    needs = scenario.needs.describe()
    return scenario.summary + imitates + (f" It takes {needs}." if needs else "")


def row_of(client: str, run: Run, faultless: Run) -> Row:
    """Put a run into the words of the page; findings that the client always has are left out."""
    stored = str(run.messages)
    messages, recipients = run.wanted
    if messages > 1:
        stored += f" of {messages}"
    if run.messages and run.reached != recipients:
        stored += f", for {run.reached} of {recipients}"
    time = next((words for bound, words in _TIMES if run.seconds < bound), "stopped after 45 s")
    return Row(client, grade_of(run), code(run.said), stored, time, kinds_of(run, set(faultless.findings)))


def grade_of(run: Run) -> str:
    """Mark a grade: bold when bad, with a tick when every expectation holds."""
    if not run.met:
        return NOT_MET
    if run.grade.bad:
        return f"**{run.grade}**"
    return f"{run.grade}{HELD}" if all(result.passed for result in run.results) else str(run.grade)


def kinds_of(run: Run, known: set[str] | None = None) -> str:
    """List the findings of a run by name."""
    return " ".join(code(kind) for kind in run.findings if kind not in (known or set()) | _OF_THE_MACHINE)


def fitting_notes(page: Page) -> list[Note]:
    """Give the notes, each with the clients and scenarios that have the grade that it explains; tell of the others."""
    fitting = []
    for note in NOTES:
        clients: dict[tuple[str, ...], tuple[str, ...]] = {}
        for client in note.clients:
            scenarios = tuple(each for each in note.scenarios if _has_grade(page, client, each, note.grade))
            clients[scenarios] = (*clients.get(scenarios, ()), client)
        clients.pop((), None)
        fitting += [dataclasses.replace(note, clients=those, scenarios=these) for these, those in clients.items()]
    return fitting


def _has_grade(page: Page, client: str, scenario: str, grade: str) -> bool:
    row = page.sections[scenario].rows.get(client) if scenario in page.sections else None
    if row is not None and row.word != grade:
        _tell(f"a note explains why {client} is {grade} under {scenario}, and it is {row.word}")
    return row is not None and row.word == grade


def _tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _chosen(text: str, known: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    strangers = [word for word in wanted if word.lower() not in {name.lower() for name in known}]
    if strangers:
        parser.error(f"there is no {', '.join(strangers)}; there is {', '.join(known)}")
    return [name for name in known if not wanted or name.lower() in {word.lower() for word in wanted}]


def main() -> int:
    """Run what was asked for, and write the page. 1 says that a client is unfit, or is not there and has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="", help="only these, by their names in the tables, with commas")
    parser.add_argument("--scenarios", default="", help="only these of the library, with commas")
    parser.add_argument("--write", action="store_true", help="put it into docs/clients.md")
    parser.add_argument("--cache", type=Path, help="keep in this folder what is fetched (else it is thrown away)")
    arguments = parser.parse_args()
    chosen = _chosen(arguments.clients, [client.name for client in CLIENTS], parser)
    scenarios = _chosen(arguments.scenarios, names(), parser)
    with contextlib.ExitStack() as stack:
        folder = arguments.cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gauntlet-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            ready = list(prepare([client for client in CLIENTS if client.name in chosen], Workshop(folder.resolve())))
        except AbsentError as error:
            _tell(f"{error}, and continuous integration has to have it")
            return 1
        runs = run_all(ready, [FAULTLESS, FAULTLESS_LOGIN, *scenarios])
    if unfit := [f"{client} under {name}: {run.said}" for name, client, run in unfit_runs(runs)]:
        _tell("these do not even work when the server does:\n" + "\n".join(unfit))
        return 1
    page = read(PAGE.read_text("utf-8")) if arguments.write and PAGE.exists() else Page()
    add(page, ready, runs)
    text = write(page, fitting_notes(page))
    if arguments.write:
        PAGE.write_bytes(text.encode())
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
