"""YAML or JSON in, a scenario out, and every mistake at its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import Scenario, SendReply, from_data, library, load, loads, make_rule
from mailtrap_py.scenario.load import LARGEST
from tests.scenario_data import JSON, REFUSE, SCENARIOS

GREYLISTING = """\
name: greylisting
params: {wait: 5m}
rules:
  - id: greylist
    at: rcpt
    when: {not: {to: "postmaster@*"}}
    count: {for: "${wait}", per: [client, from, to]}
    do:
      - reply: "450 4.2.0 <${to}>: Recipient address rejected: Greylisted, try again later"
expect:
  - retried: {after: 4xx, not_before: "${wait}"}
  - delivered: exactly-once
  - ends_with: quit
"""


def mistakes(text: str, **params: object) -> list[str]:
    """Give the lines of the error, with the cure behind the problem."""
    with pytest.raises(ScenarioError) as caught:
        loads(text, name="f.yaml", params=params)
    error = caught.value
    return [f"{error.problem}; {error.cure}"] if error.cure else error.problem.splitlines()


def rule(text: str) -> str:
    return f"rules:\n  - at: rcpt\n    do: close\n    {text}\n"


def test_the_example_of_the_language() -> None:
    scenario = loads(GREYLISTING, params={"wait": "1s"})

    assert scenario.as_data() == {
        "name": "greylisting",
        "rules": [
            {
                "id": "greylist",
                "at": ["rcpt"],
                "when": {"not": {"to": ["postmaster@*"]}},
                "count": {"for": "1s", "per": ["client", "from", "to"]},
                "do": [{"reply": "450 4.2.0 <${to}>: Recipient address rejected: Greylisted, try again later"}],
            }
        ],
        "expect": [{"retried": {"not_before": "1s"}}, {"delivered": "exactly-once"}, {"ends_with": "quit"}],
    }
    assert scenario.params == {"wait": "1s"}


def test_json_is_read_as_well() -> None:
    scenario = loads(GREYLISTING)

    assert loads(json.dumps(scenario.as_data(), indent="\t").replace("\t", "  ")) == scenario.model_copy(
        update={"params": {}}
    )


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "4.1",
        "4.10",
        "0450",
        "0x1F",
        "1_000",
        "12:30:00",
        "2024-01-01",
        "yes",
        "On",
        "~x",
        "1e3",
        "1e-07",
        ".5",
        "+5",
        "-0",
        "-0.0",
        "True",
        "NULL",
        "=",
        "5.1.1",
        "999999999999999999999",
        "0.30000000000000004",
        "1e999",
    ],
)
def test_a_text_stays_as_it_was_typed(text: str) -> None:
    scenario = loads(f"name: {text}")

    assert scenario.name == text


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("-5", -5), ("0", 0), ("0.5", 0.5), ("true", True), ("false", False)]
)
def test_numbers_and_booleans(text: str, value: object) -> None:
    params = loads(f"params: {{x: {text}}}").params

    assert (params["x"], type(params["x"])) == (value, type(value))


def test_what_is_quoted_is_a_text() -> None:
    assert loads("params: {a: '5', b: \"true\", c: !!str 5}").params == {"a": "5", "b": "true", "c": "5"}


def test_several_lines_as_a_block() -> None:
    scenario = loads(
        rule("id: x").replace("close", "\n      - reply: |\n          550-5.1.1 No such\n          550 5.1.1 user")
    )

    [action] = scenario.rules[0].do
    assert isinstance(action, SendReply)
    assert action.reply.wire() == b"550-5.1.1 No such\r\n550 5.1.1 user\r\n"


def test_anchors_are_for_those_who_like_them() -> None:
    scenario = loads("rules:\n  - &first {at: rcpt, do: close, count: {times: 1}}\n  - *first\n")

    assert [rule.id for rule in scenario.rules] == ["rule-1", "rule-2"]


MISTAKES: list[tuple[str, str, str, str]] = [
    (
        "rules:\n  - at: rcpt\n    do: close\n    wehn: {to: x}\n",
        "f.yaml:4:5",
        "unknown key 'wehn' in a rule",
        "did you mean 'when'? A rule has: id, at, when, count, do, optional",
    ),
    (
        "rules:\n  - on: rcpt\n    do: close",
        "f.yaml:2:5",
        "unknown key 'on' in a rule",
        "write 'at:'; YAML takes a bare 'on' for true. A rule has: id, at, when, count, do, optional",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    at: mail\n",
        "f.yaml:4:5",
        "'at' stands twice, in line 2 and in line 4",
        "keep one",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {subject: x}\n",
        "f.yaml:4:12",
        "'subject' is not known at rcpt",
        "it is known at message",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when:\n",
        "f.yaml:4:10",
        "'when' has no value",
        "write one, or leave it out",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {to: ~}\n",
        "f.yaml:4:16",
        "'to' has no value",
        "write one, or leave it out",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {to: [a, ]}\n  - \n",
        "f.yaml:5:4",
        "this has no value",
        "write one, or leave it out",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    count: {for: 5}\n",
        "f.yaml:4:18",
        "5 has no unit",
        "write '5s' for seconds, or one of ms, s, m, h, d",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    count: {times: 04}\n",
        "f.yaml:4:20",
        "'04' is not a whole number",
        "write one, without quotes",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    optional: yes\n",
        "f.yaml:4:15",
        "'yes' is not true or false",
        "write true or false, without quotes",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {to: '${x}'}\n",
        "f.yaml:4:16",
        "there is no param 'x'",
        "declare it: 'params: {x: ...}'",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {to: !!binary eA==}\n",
        "f.yaml:4:16",
        "the tag '!!binary' means nothing here",
        "leave it out",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {to: !thing x}\n",
        "f.yaml:4:16",
        "the tag '!thing' means nothing here",
        "leave it out",
    ),
    (
        "rules:\n  - at: rcpt\n    do: close\n    when: {? [a] : b, to: x}\n",
        "f.yaml:4:11",
        "a key is a word",
        "put texts with brackets in quotes",
    ),
    (
        "rules:\n  - at: rcpt\n    do:\n      - reply: 450 4.2.0 no: x\n",
        "f.yaml:4:28",
        "mapping values are not allowed here",
        "put a text that has ': ' in it in quotes",
    ),
    (
        "rules:\n\t- at: rcpt\n",
        "f.yaml:2:1",
        "while scanning for the next token: found character '\\t' that cannot start any token",
        "indent with spaces, not with tabs",
    ),
    ("name: 'x", "f.yaml:1:9", "while scanning a quoted scalar: found unexpected end of stream", "close the quotes"),
    (
        "name: [x",
        "f.yaml:1:9",
        "while parsing a flow sequence: expected ',' or ']', but got '<stream end>'",
        "close the bracket",
    ),
    (
        "name: x\n summary: y\n",
        "f.yaml:2:9",
        "mapping values are not allowed here",
        "put a text that has ': ' in it in quotes",
    ),
    (
        "name: x\nsummary\n",
        "f.yaml:3:1",
        "while scanning a simple key: could not find expected ':'",
        "write 'key: value', or put the text in quotes",
    ),
    (
        "name: x\n---\nname: y\n",
        "f.yaml:2:1",
        "expected a single document in the stream: but found another document",
        "leave out the '---' that begins a second one",
    ),
    (
        "name: x\ny: \x07",
        "f.yaml:2:4",
        "the character '\\x07' cannot stand here",
        'write it as an escape in double quotes, as in "\\x1b"',
    ),
    (
        "\x00",
        "f.yaml:1:1",
        "the character '\\x00' cannot stand here",
        'write it as an escape in double quotes, as in "\\x1b"',
    ),
    ("", "f.yaml:1:1", "there is nothing here", "write 'key: value' lines"),
    ("# only words\n", "f.yaml:1:1", "there is nothing here", "write 'key: value' lines"),
    ("- at: rcpt", "f.yaml:1:1", "a scenario is a mapping", "write 'key: value' lines"),
    ("greylisting", "f.yaml:1:1", "a scenario is a mapping", "write 'key: value' lines"),
    ("name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "f.yaml:1:46", "this is nested too deeply", ""),
    ("name: &x [*x]", "f.yaml:1:7", "this is too large for a scenario", ""),
    ("name: *x", "f.yaml:1:7", "found undefined alias 'x'", ""),
    ('name: "\\UFFFFFFFF"', "f.yaml", "this cannot be read as YAML: ", ""),
]


@pytest.mark.parametrize(("text", "where", "problem", "cure"), MISTAKES)
def test_mistakes(text: str, where: str, problem: str, cure: str) -> None:
    [found] = mistakes(text)

    assert found.startswith(f"{where}: {problem}")
    assert cure in found


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    found = mistakes(
        GREYLISTING.replace("at: rcpt", "at: rctp").replace("exactly-once", "once").replace("for:", "fro:")
    )

    assert [line.split(": ")[0] for line in found] == ["f.yaml:5:9", "f.yaml:7:13", "f.yaml:12:16"]


def test_the_first_mistake_is_where_the_error_is() -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(rule("when: {tp: x, fom: y}"), name="f.yaml")

    assert caught.value.where == "f.yaml:4:12"
    assert caught.value.cure == "", "each line has its own"


def test_what_is_wrong_already_is_not_complained_about_twice() -> None:
    [found] = mistakes(rule("count: {for: '${wiat}'}"))

    assert "there is no param 'wiat'" in found


def test_a_mistake_in_a_param_from_outside() -> None:
    assert mistakes(GREYLISTING, wait=5) == [
        "f.yaml:2:16: the param 'wait': 5 has no unit; write '5s' for seconds, or one of ms, s, m, h, d"
    ]
    assert mistakes(GREYLISTING, wiat="5s") == ["f.yaml:2:1: the scenario has no param 'wiat'; did you mean 'wait'?"]


def test_aliases_cannot_blow_up() -> None:
    lines = ["name: x", "a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 12)]

    [found] = mistakes("\n".join(lines))

    assert "this is too large for a scenario" in found


def test_a_text_cannot_be_endless() -> None:
    assert mistakes("#" * (LARGEST + 1)) == [
        f"f.yaml: this is too large for a scenario; {LARGEST} octets are the limit"
    ]


def test_a_file_cannot_be_endless(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("#" * (LARGEST + 1))

    with pytest.raises(ScenarioError, match=r"large\.yaml: this is too large for a scenario"):
        load(path)


def test_data_without_lines_is_told_by_its_path() -> None:
    with pytest.raises(ScenarioError) as caught:
        from_data({"rules": [{"at": "rcpt", "when": {"header": {"X": [{}]}}, "do": "close"}]})

    assert caught.value.where == "rules[0].when.header.X[0]"


def test_data_that_is_too_deep() -> None:
    deep: list[object] = []
    deep.append(deep)

    with pytest.raises(ScenarioError, match="this is too large for a scenario"):
        from_data({"rules": deep})


def test_a_rule_of_its_own() -> None:
    rule = make_rule({"at": "rcpt", "do": {"reply": REFUSE}})

    assert rule.id == ""
    with pytest.raises(ScenarioError, match=r"^when\.tp: unknown key 'tp' in 'when'"):
        make_rule({"at": "rcpt", "when": {"tp": "x"}, "do": "close"})
    with pytest.raises(ScenarioError, match=r"^at: 'rctp' is none"):
        make_rule({"at": "rctp", "do": "close"})
    with pytest.raises(ScenarioError, match=r"^a rule has no 'at'"):
        make_rule({"do": "close"})
    with pytest.raises(ScenarioError, match=r"^name: unknown key 'name' in a rule"):
        make_rule({"at": "rcpt", "do": "close", "name": "x"})


def test_what_is_no_mapping() -> None:
    with pytest.raises(ScenarioError, match="a scenario is a mapping"):
        from_data([])  # type: ignore[arg-type]  # over HTTP anything may come
    with pytest.raises(ScenarioError, match="a rule is a mapping"):
        make_rule("close")  # type: ignore[arg-type]  # as above


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("\ufeffrules: [{at: rcpt, do: close}]", "utf-8")

    assert load(path).name == load(str(path)).name == "mine"
    path.write_text("rules: [{at: rctp, do: close}]", "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.where == f"{path}:1:14"


def test_a_name_in_the_file_goes_before_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("name: yours", "utf-8")

    assert load(path).name == "yours"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: zo\xeb")

    with pytest.raises(ScenarioError, match="this is not UTF-8\nsave it as UTF-8"):
        load(tmp_path / "latin.yaml")
    with pytest.raises(ScenarioError, match=r"it cannot be read: No such file or directory\ndid you mean 'lost-250'\?"):
        load("./lost-25.yaml")
    with pytest.raises(ScenarioError, match="it cannot be read: Is a directory"):
        load(tmp_path)


def test_a_shipped_scenario_by_its_name() -> None:
    scenario = load("greylisting", params={"wait": "1s"})

    assert scenario.name == "greylisting"
    assert scenario.params["wait"] == "1s"


def test_a_shipped_scenario_is_named_without_its_folder() -> None:
    with pytest.raises(ScenarioError, match=r"^greylisting\.yaml:\d+:\d+: the scenario has no param 'wiat'"):
        load("greylisting", params={"wiat": "1s"})


def test_a_name_that_is_near() -> None:
    with pytest.raises(ScenarioError, match="there is no scenario 'greylistign'\ndid you mean 'greylisting'"):
        load("greylistign")


def check(error: ScenarioError, where: str = "") -> None:
    assert str(error).startswith(where)
    assert "Input should be" not in str(error), "these are pydantic's words"


@given(st.dictionaries(st.text() | st.sampled_from(list(Scenario.model_fields)), JSON, max_size=4))
def test_any_mapping_loads_or_is_a_mistake(data: dict[str, Any]) -> None:
    try:
        from_data(data)
    except ScenarioError as error:
        check(error)


@given(data=SCENARIOS, junk=JSON, where=st.integers(0, 50))
def test_a_scenario_with_junk_in_it_loads_or_is_a_mistake(data: dict[str, Any], junk: object, where: int) -> None:
    paths: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:  # noqa: ANN401 - plain data
        keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            paths.append((value, key))
            walk(value[key])

    copy = json.loads(json.dumps(data))
    walk(copy)
    if paths:
        container, key = paths[where % len(paths)]
        container[key] = junk
    try:
        from_data(copy)
    except ScenarioError as error:
        check(error)


@given(st.text() | st.text("abc:-[]{},&*!|>'\"#%@` \n\t${}0.~?", max_size=40))
def test_any_text_loads_or_is_a_mistake(text: str) -> None:
    try:
        loads(text)
    except ScenarioError as error:
        check(error, "<text>")


@given(st.integers(0, len(GREYLISTING)), st.integers(0, 20), st.text("abc:-[]{},&*!|>'\"#\n ", max_size=5))
def test_a_text_that_was_tampered_with(begin: int, length: int, instead: str) -> None:
    text = GREYLISTING[:begin] + instead + GREYLISTING[begin + length :]
    try:
        loads(text)
    except ScenarioError as error:
        check(error, "<text>")


@given(SCENARIOS)
def test_json_and_data_are_the_same(data: dict[str, object]) -> None:
    assert loads(json.dumps(data)) == from_data(data)


def test_every_shipped_scenario_is_found() -> None:
    assert {load(name).name for name in library.names()} == set(library.names())
