from __future__ import annotations

import pytest

from mailtrap_py.handle.home import Home, RuleView
from mailtrap_py.handle.local import LocalHome
from mailtrap_py.handle.remote import RemoteHome
from mailtrap_py.scenario import Director, Scenario, make_rule


def test_both_homes_have_all_of_it() -> None:
    for kind in (LocalHome, RemoteHome):
        assert issubclass(kind, Home)
        assert not kind.__abstractmethods__
    with pytest.raises(TypeError):
        Home()  # type: ignore[abstract]  # that is the test


def test_a_view_is_what_the_rule_is_now() -> None:
    director = Director(Scenario(), now=lambda: 0.0, dice=None)  # type: ignore[arg-type]  # nothing is thrown
    state = director.add(make_rule({"id": "busy", "at": "rcpt", "do": {"reply": "450 4.2.0 Busy"}, "optional": True}))

    assert RuleView.of(state) == RuleView(id="busy", nearest_miss="no session came to rcpt", optional=True)
