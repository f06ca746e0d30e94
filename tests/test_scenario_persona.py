"""Real servers as data: every file reads, every text has its source, and a scenario names one."""

from __future__ import annotations

import pytest
import yaml

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import from_data, loads
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.persona import FOLDER, Limits, Meaning, find, names

NAMES = names()


def test_they_are_those_of_the_docs() -> None:
    assert set(NAMES) == {
        *("postfix", "exim", "sendmail", "opensmtpd"),
        *("gmail", "exchange-online", "outlook", "yahoo", "icloud", "ses", "sendgrid", "mailgun"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_text_has_its_source(name: str) -> None:
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    used = [
        each for said in (written["replies"], written.get("limits", {})) for value in said.values() for each in value
    ]
    if "capabilities" in written:
        used.append(written["capabilities"]["source"])

    assert set(used) == set(written["sources"]), "a source that nothing cites, or a citation without a source"
    assert all(len(source) > 20 for source in written["sources"].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_a_reply_that_says_what_it_is_for(name: str) -> None:
    persona = find(name)
    positive = {
        *(Meaning.GREETING, Meaning.HELO, Meaning.EHLO, Meaning.STARTTLS, Meaning.AUTH, Meaning.MAIL, Meaning.RCPT),
        *(Meaning.DATA, Meaning.QUEUED, Meaning.RSET, Meaning.NOOP, Meaning.QUIT),
    }

    assert Meaning.GREETING in persona.replies
    for meaning, said in persona.replies.items():
        if meaning not in {Meaning.HELP, Meaning.VRFY, Meaning.EXPN}:
            assert said.reply.positive is (meaning in positive), f"{meaning}: {said.reply}"


def test_a_persona_is_read() -> None:
    postfix = find("postfix")

    assert postfix.summary.startswith("Postfix")
    assert postfix.limits == Limits(size=10_240_000, recipients=1000, errors=20)
    assert postfix.clear is not None
    assert postfix.clear[:2] == ("PIPELINING", "SIZE 10240000")
    assert postfix.replies[Meaning.QUEUED].reply.lines == ("Ok: queued as ${id}",)
    assert "Debian 12" in postfix.replies[Meaning.QUEUED].source


def test_of_one_no_capabilities_are_known() -> None:
    icloud = find("icloud")

    assert icloud.clear is icloud.tls is None
    assert icloud.limits == Limits()


def test_a_scenario_names_one() -> None:
    scenario = loads("persona: gmail")

    assert scenario.persona is not None
    assert (scenario.persona.name, scenario.persona.lie) == ("gmail", False)
    assert scenario.as_data()["persona"] == "gmail"
    assert from_data(scenario.as_data()) == scenario


def test_a_scenario_names_one_that_lies() -> None:
    scenario = loads("persona: {name: postfix, lie: true}")

    assert scenario.persona is not None
    assert scenario.persona.lie
    assert scenario.as_data()["persona"] == {"name": "postfix", "lie": True}
    assert from_data(scenario.as_data()) == scenario
    assert from_data({"persona": scenario.persona}) == scenario


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("persona: gmial", "<text>:1:10: there is no persona 'gmial'; did you mean 'gmail'?"),
        ("persona: zzzz", "<text>:1:10: there is no persona 'zzzz'; the personas are: exchange-online, exim,"),
        ("persona: 3", "<text>:1:10: 3 is not the name of a persona; the personas are: exchange-online,"),
        ("persona: {name: gmail, lies: true}", "<text>:1:24: unknown key 'lies' in a persona; did you mean 'lie'?"),
        ("persona: {name: gmail, lie: 7}", "<text>:1:29: 7 is not a yes or no; write true or false"),
        ("persona: {lie: true}", "<text>:1:10: None is not the name of a persona"),
    ],
)
def test_a_mistake(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        loads(text)

    assert str(error.value).replace("\n", "; ").startswith(said)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(Mistake, match="did you mean 'sendgrid'"):
        find("sendgird")
