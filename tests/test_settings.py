"""Settings: one list of fields, from which flags, variables, errors and the docs' table come."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from mailtrap_py.errors import SettingError
from mailtrap_py.settings import Entry, Settings, entries, strangers
from mailtrap_py.smtp.sasl import MECHANISMS
from mailtrap_py.written import address

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


def refused(flags: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> SettingError:
    with pytest.raises(SettingError) as caught:
        Settings.load(flags or {}, environ or {})
    return caught.value


def test_defaults_are_the_documented_ports_on_loopback_of_both_families() -> None:
    settings = Settings.load({}, {})
    assert settings.host == ("127.0.0.1", "::1")
    assert (settings.smtp_port, settings.smtps_port, settings.http_port) == (1025, 1465, 8025)
    assert settings == Settings()


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_default() -> None:
    environ = {"MAILTRAP_SMTP_PORT": "2001", "MAILTRAP_HTTP_PORT": "2002"}
    settings = Settings.load({"smtp_port": "3001", "http_port": None, "host": ()}, environ)
    assert (settings.smtp_port, settings.http_port, settings.smtps_port) == (3001, 2002, 1465)


def test_an_empty_variable_counts_as_none_but_an_empty_flag_is_a_value() -> None:
    assert Settings.load({}, {"MAILTRAP_SMTP_PORT": ""}).smtp_port == 1025
    assert Settings.load({"store": ""}, {"MAILTRAP_STORE": "mail.db"}).store == ""


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("smtp_port", "0", 0),
        ("smtp_port", "65535", 65535),
        ("smtps_port", "off", None),
        ("http_port", "OFF", None),
        ("http_port", "8080", 8080),
        ("host", "0.0.0.0", ("0.0.0.0",)),
        ("host", "0.0.0.0,::", ("0.0.0.0", "::")),
        ("host", "localhost", ("127.0.0.1", "::1")),
        ("host", "127.0.0.1 localhost", ("127.0.0.1", "::1")),
        ("store", "mail.db", "sqlite:///mail.db"),
        ("store", "sqlite://", "sqlite://"),
        ("store", "postgresql+psycopg://ann@db/mail", "postgresql+psycopg://ann@db/mail"),
        ("params", "wait=1s 'text=450 4.2.0 Busy, later'", {"wait": "1s", "text": "450 4.2.0 Busy, later"}),
        ("params", "empty= formula=a=b", {"empty": "", "formula": "a=b"}),
        ("seed", "-3", -3),
        ("clock", "manual", "manual"),
        ("clock", "real", "real"),
        ("clock", "60", 60.0),
        ("clock", "2.5x", 2.5),
        ("upstream", "[::1]:25", "[::1]:25"),
        ("upstream_timeout", "500ms", 0.5),
        ("command_timeout", "2 m", 120.0),
        ("command_timeout", "1H", 3600.0),
        ("hostname", "[127.0.0.1]", "[127.0.0.1]"),
        ("auth", "required", "required"),
        ("users", "ann:secret,bob:a:b", {"ann": "secret", "bob": "a:b"}),
        ("max_message_size", "1.5MB", 1572864),
        ("max_message_size", "1000", 1000),
        ("max_message_size", "10kb", 10240),
        ("keep_messages", "50", 50),
        ("keep_messages", "off", None),
        ("keep_bytes", "1GB", 2**30),
        ("keep_bytes", "Off", None),
        ("keep_age", "7d", 604800.0),
        ("keep_age", "off", None),
        ("scenario", "greylisting", "greylisting"),
        ("http_users", "ann:secret", {"ann": "secret"}),
        ("http_token", "t0k3n", "t0k3n"),
        ("http_names", "Mail.example.com mail.example.com,trap", ("mail.example.com", "trap")),
        (
            "http_origins",
            "https://App.example.com http://localhost:3000",
            ("https://app.example.com", "http://localhost:3000"),
        ),
        ("compat", "mailhog", "mailhog"),
    ],
)
def test_a_variable_is_read_as_it_is_written(name: str, written: str, value: object) -> None:
    assert getattr(Settings.load({}, {f"MAILTRAP_{name.upper()}": written}), name) == value


def test_ports_for_inboxes_are_those_of_the_range_or_any() -> None:
    assert [*Settings(inbox_ports="2600-2602").inbox_port_numbers] == [2600, 2601, 2602]
    assert [*Settings().inbox_port_numbers] == []


def test_a_repeated_flag_gives_every_value() -> None:
    settings = Settings.load({"params": ["wait=1s", "limit=3"], "host": ["::1", "::1", "127.0.0.1"]}, {})
    assert settings.params == {"wait": "1s", "limit": "3"}
    assert settings.host == ("::1", "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "written", "problem", "cure"),
    [
        ("smtp_port", "abc", "'abc' is not a port", "write a number from 0 to 65535; 0 picks a free one"),
        ("smtp_port", "65536", "'65536' is not a port", "write a number from 0 to 65535"),
        ("smtp_port", "off", "'off' is not a port", "write a number"),
        ("http_port", "-1", "'-1' is not a port", "write a number"),
        ("keep_messages", "0", "'0' is not a number", "write a whole number from 1, or off"),
        ("keep_bytes", "none", "'none' is not a size", "50MB"),
        ("keep_age", "30", "'30' is not a duration", "as in 500ms"),
        ("inbox_ports", "2600", "'2600' is no range of ports", "2600-2650"),
        ("inbox_ports", "2650-2600", "'2650-2600' is no range of ports", "2600-2650"),
        ("host", "smtp.example", "'smtp.example' is not an IP address", "127.0.0.1"),
        ("store", "mysql://db/mail", "'mysql://db/mail' is not a database", "postgresql://"),
        ("params", "wait", "'wait' is not a parameter", "as in wait=30s"),
        ("params", "=1s", "'=1s' is not a parameter", "as in wait=30s"),
        ("params", "a='b", "has a quote that is not closed", "quotes in pairs"),
        ("seed", "lucky", "'lucky' is not a number", "42"),
        ("clock", "fast", "'fast' is not a clock", "real, manual, or"),
        ("clock", "0", "'0' is not a clock", "real, manual, or"),
        ("clock", "inf", "'inf' is not a clock", "real, manual, or"),
        ("upstream", "smtp.example", "'smtp.example' is not a host and a port", "smtp.example:587"),
        ("upstream", "smtp.example:0", "is not a host and a port", "smtp.example:587"),
        ("upstream", "::1:25", "is not a host and a port", "[::1]:25"),
        ("command_timeout", "30", "'30' is not a duration", "30s"),
        ("command_timeout", "0s", "'0s' is not a duration", "30s"),
        ("command_timeout", "3 weeks", "'3 weeks' is not a duration", "30s"),
        ("hostname", "two words", "'two words' is not a host name", "mail.example.com"),
        ("auth", "require", "'require' is not one of optional, required, off", "did you mean required?"),
        ("auth", "42", "'42' is not one of optional, required, off", "write optional, required or off"),
        ("users", "ann", "'ann' is not a user", "ann:secret"),
        ("http_users", "ann", "'ann' is not a user", "ann:secret"),
        ("http_names", "two/words", "'two/words' is not a host name", "mail.example.com"),
        ("http_origins", "*", "'*' is not an origin", "https://app.example.com"),
        ("http_origins", "https://app.example.com/", "is not an origin", "https://app.example.com"),
        ("compat", "mailcatcher", "is not one of mailpit, mailhog", "write mailpit or mailhog"),
        ("max_message_size", "big", "'big' is not a size", "50MB"),
        ("tls_cert", "cert.pem", "a certificate without its key", "--tls-key"),
        ("tls_key", "key.pem", "a key without its certificate", "--tls-cert"),
    ],
)
def test_an_error_names_the_variable_the_flag_the_value_and_the_cure(
    name: str, written: str, problem: str, cure: str
) -> None:
    error = refused(environ={f"MAILTRAP_{name.upper()}": written})
    assert problem in error.problem
    assert cure in error.cure
    assert re.match(r"MAILTRAP_[A-Z_]+ \(or --[a-z-]+\): |--tls-key \(or MAILTRAP_TLS_KEY\): ", error.problem)


def test_an_error_in_a_flag_names_the_flag_first() -> None:
    assert refused({"smtp_port": "abc"}).problem == "--smtp-port (or MAILTRAP_SMTP_PORT): 'abc' is not a port"
    assert refused({"params": ["x"]}).problem.startswith("--param (or MAILTRAP_PARAMS): ")


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("SMPT_PORT", "SMTP_PORT"), ("SMTPPORT", "SMTP_PORT"), ("SCENARIOS", "SCENARIO"), ("USRES", "USERS")],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(misspelt: str, meant: str) -> None:
    error = refused(environ={f"MAILTRAP_{misspelt}": "1"})
    assert error.problem == f"MAILTRAP_{misspelt} is not a setting"
    assert error.cure == f"did you mean MAILTRAP_{meant}?"


def test_variables_of_others_are_passed_over_but_can_be_named() -> None:
    environ = {
        "MAILTRAP_URL": "http://localhost:8025",
        "MAILTRAP_USER": "somebody at mailtrap.io",
        "MAILTRAP_API_TOKEN": "somebody's secret",
        "MAILTRAP_PORT": "tcp://10.0.0.1:1025",
        "MAILTRAP_SERVICE_HOST": "10.0.0.1",
        "PATH": "/bin",
    }
    assert Settings.load({}, environ) == Settings()
    assert strangers(environ) == ("MAILTRAP_API_TOKEN", "MAILTRAP_PORT", "MAILTRAP_SERVICE_HOST")


def test_a_flag_that_is_no_field_is_a_bug_of_the_caller() -> None:
    with pytest.raises(TypeError, match="smpt_port"):
        Settings.load({"smpt_port": "1"}, {})


def test_from_python_values_may_be_themselves_or_as_they_are_written() -> None:
    assert Settings(
        command_timeout=2, clock=None, users={"ann": "secret"}, max_message_size=10
    ) == Settings.model_validate({"command_timeout": "2s", "users": ["ann:secret"], "max_message_size": "10"})


@pytest.mark.parametrize(
    "values",
    [
        {"seed": []},
        {"clock": []},
        {"host": 7},
        {"params": 7},
        {"smtp_prot": 1},
        {"command_timeout": -1},
    ],
)
def test_from_python_a_wrong_value_is_a_validation_error(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(values)


def test_a_wrong_type_in_load_keeps_the_words_of_the_model() -> None:
    error = refused({"scenario": 3})
    assert error.problem == "--scenario (or MAILTRAP_SCENARIO): Input should be a valid string"
    assert error.cure == ""


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().smtp_port = 1


def test_changed_settings_are_read_and_checked_like_new_ones() -> None:
    assert Settings(smtp_port=0).changed(command_timeout="2s") == Settings(smtp_port=0, command_timeout=2)
    with pytest.raises(ValidationError, match="'many' is not a port"):
        Settings().changed(smtp_port="many")


def test_the_upstream_is_taken_apart_once() -> None:
    assert Settings().upstream_address is None
    assert Settings(upstream="smtp.example:587").upstream_address == ("smtp.example", 587)
    assert address("[::1]:25") == ("::1", 25)


def test_every_setting_has_a_flag_a_variable_and_a_help_text_of_its_own() -> None:
    found = entries()
    assert [entry.name for entry in found] == list(Settings.model_fields)
    for names in zip(*((entry.flag, entry.variable, entry.help) for entry in found), strict=True):
        assert len(set(names)) == len(found)
    assert all(entry.help.endswith(".") for entry in found)


def table(settings: tuple[Entry, ...]) -> str:
    rows = ["| flag | variable | default | what it is |", "| --- | --- | --- | --- |"]
    for entry in settings:
        metavar = entry.metavar.replace("|", "\\|")
        again = " Can be given several times." if entry.several else ""
        rows.append(f"| `{entry.flag} {metavar}` | `{entry.variable}` | {entry.default} | {entry.help}{again} |")
    return "\n".join(rows)


def test_the_docs_have_the_table_of_the_model() -> None:
    expected = table(entries())
    assert expected in DOCS.read_text("utf-8"), f"put this table into docs/settings.md:\n{expected}"


def test_every_mechanism_of_the_server_can_be_chosen() -> None:
    assert Settings().auth_mechanisms == tuple(MECHANISMS)
