from __future__ import annotations

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle import select
from mailtrap_py.scenario import load
from mailtrap_py.scenario.library import names


def test_nothing_said_is_everything() -> None:
    assert select(()) == names()


def test_names_and_globs_are_added_up() -> None:
    assert select(["lost-250", "mailbox-*", "mailbox-busy"]) == tuple(
        sorted({"lost-250", *(name for name in names() if name.startswith("mailbox-"))})
    )


def test_facets_leave_what_fits() -> None:
    for name in select(["class:hostile"]):
        assert load(name).class_ == "hostile"
    for name in select(["at:rcpt", "at:mail", "mailbox-*"]):
        assert name.startswith("mailbox-")
        assert {str(point) for rule in load(name).rules for point in rule.at} & {"rcpt", "mail"}


def test_what_means_nothing_is_refused() -> None:
    with pytest.raises(ScenarioError, match="graylisting"):
        select(["graylisting"])
    with pytest.raises(ValueError, match="there is no class:legl"):
        select(["class:legl"])
    with pytest.raises(ValueError, match="no scenario is meant by zzz"):
        select(["zzz*"])
