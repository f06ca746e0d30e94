"""`mailtrap-py scenario`: list, show, check, schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jsonschema  # type: ignore[import-untyped]  # it brings no types
import pytest

from mailtrap_py.cli import main
from mailtrap_py.scenario.library import names, path_of

if TYPE_CHECKING:
    from pathlib import Path

WRONG = """name: wrong
rules:
  - at: rcpt
    do: [{reply: "450 4.2.0 Busy"}]
    count: {time: 2}
  - at: data
    do: [clos]
"""


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["scenario", *words])
    return int(left.value.code or 0)


def test_list_has_one_line_for_each_scenario_when_it_is_piped(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("list") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["scenario", "class", "what", "the", "client", "meets"]
    assert [row.split()[0] for row in rows] == list(names())
    assert any(re.match(r"greylisting +legal +Every new sender and recipient pair is deferred", row) for row in rows)


def test_show_prints_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("show", "greylisting") == 0
    assert capsys.readouterr().out == path_of("greylisting").read_text("utf-8")


def test_show_knows_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("show", "graylisting") == 2
    assert "did you mean 'greylisting'?" in capsys.readouterr().err


def test_check_shows_every_mistake_of_every_file_at_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "single").write_text("name: single\nruls: []\n")
    assert told("check", "wrong.yaml", "single", "greylisting", "absent.yaml") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "wrong.yaml:5:13",
        "wrong.yaml:7:10",
        "single:2:1",
        "greylisting",
        "absent.yaml",
    ]
    assert "did you mean 'times'?" in lines[0]
    assert "did you mean 'rules'?" in lines[2]
    assert lines[3] == "greylisting: ok, 1 rule, 4 expectations"


def test_check_of_good_files_is_exit_code_0(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"rules": [{"at": "quit", "do": ["close"]}, {"at": "mail", "do": ["close"]}]}))
    assert told("check", str(path)) == 0
    assert capsys.readouterr().out == f"{path}: ok, 2 rules, 0 expectations\n"


def test_the_schema_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid({"name": "x", "rules": [{"at": "quit", "do": ["close"]}]})
    assert not jsonschema.Draft202012Validator(schema).is_valid({"ruls": []})
