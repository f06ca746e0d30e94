"""Flags made of the settings."""

from __future__ import annotations

import inspect

import pytest
import typer
from typer.testing import CliRunner

from mailtrap_py.cli.options import Flag, with_settings
from mailtrap_py.settings import entries

app = typer.Typer(rich_markup_mode=None)
given: dict[str, Flag] = {}


@app.command()
@with_settings()
def everything(**flags: Flag) -> None:
    given.update(flags)


@app.command()
@with_settings(only={"seed", "users"})
def some(name: str, *, loud: bool = False, **flags: Flag) -> None:
    given.update(flags, name=name, loud=str(loud))


@pytest.fixture(autouse=True)
def _nothing_given() -> None:
    given.clear()


def test_every_setting_is_a_flag_of_the_command() -> None:
    text = " ".join(CliRunner().invoke(app, ["everything", "--help"]).stdout.split())
    for entry in entries():
        assert f" {entry.flag} {entry.metavar} {entry.help} [default: {entry.default}]" in text


def test_values_arrive_as_they_were_written() -> None:
    CliRunner().invoke(app, ["everything", "--smtp-port", "many", "--host", "::1", "--host", "127.0.0.1"])
    assert given["smtp_port"] == "many"
    assert given["host"] == ["::1", "127.0.0.1"]
    assert {name for name, value in given.items() if value} == {"smtp_port", "host"}


def test_a_command_can_have_some_of_them_beside_its_own() -> None:
    CliRunner().invoke(app, ["some", "ann", "--loud", "--seed", "7"])
    assert given == {"name": "ann", "loud": "True", "seed": "7", "users": None}
    assert "flags" not in inspect.signature(some).parameters
    assert CliRunner().invoke(app, ["some", "ann", "--smtp-port", "1"]).exit_code == 2
