"""The compatible APIs together: who has which path."""

from __future__ import annotations

import pytest

from tests.served import Served


@pytest.mark.parametrize(
    ("compat", "media_type"), [("mailpit", "application/json"), ("mailhog", "text/json; charset=utf-8")]
)
def test_the_settings_say_whose_the_list_is(compat: str, media_type: str) -> None:
    with Served.open(compat=compat) as served:
        assert served.ask("GET", "/api/v1/messages").headers["content-type"] == media_type


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/nothing", "/api/v1/message"])
def test_what_neither_has_is_not_there(path: str) -> None:
    with Served.open() as served:
        assert served.ask("GET", path).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/messages", "/api/v2/messages", "/view/latest"])
def test_they_stand_behind_the_same_door(path: str) -> None:
    with Served.open(http_token="t") as served:
        assert served.ask("GET", path).status_code == 401
        assert served.ask("GET", path, headers={"Host": "evil.example"}).status_code == 421
        assert served.ask("GET", path, headers={"Authorization": "Bearer t"}).status_code < 400


def test_pages_of_other_sites_may_change_nothing() -> None:
    with Served.open() as served:
        answer = served.ask("DELETE", "/api/v1/messages", headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
