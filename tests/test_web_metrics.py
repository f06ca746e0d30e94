"""What Prometheus reads, read by Prometheus's own parser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailtrap_py.scenario.load import make_rule
from mailtrap_py.web.app import close
from tests.served import PLAIN, Served, accepted, mail, rejected, started


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def scraped(served: Served) -> dict[tuple[str, ...], float]:
    """Give every sample by its name and the values of its labels."""
    answer = served.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_what_came_is_counted_by_inbox(served: Served) -> None:
    message = mail()
    served.store.add(started())
    served.keep(message, mail(inbox="w"), mail(inbox="w"))
    served.store.add(accepted(message))
    served.store.add(rejected(mail()))

    found = scraped(served)

    assert (found["mailtrap_messages_total", "default"], found["mailtrap_messages_total", "w"]) == (1, 2)
    assert found["mailtrap_octets_total", "w"] == 2 * len(PLAIN)
    assert found["mailtrap_transactions_total", "default"] == 2
    outcomes = ("accepted", "rejected", "aborted")
    assert [found["mailtrap_record_transactions", "default", each] for each in outcomes] == [1, 1, 0]


def test_what_is_deleted_is_still_counted_but_not_in_the_record(served: Served) -> None:
    served.store.add(started())
    served.keep(mail(), mail())
    served.ask("DELETE", "/api/messages?all=true")

    found = scraped(served)

    assert (found["mailtrap_messages_total", "default"], found["mailtrap_record_messages", "default"]) == (2, 0)
    assert found["mailtrap_record_sessions", "default"] == 1


def test_rules_and_sessions_are_told(served: Served) -> None:
    inbox = served.context.inboxes.get()
    inbox.director.add(make_rule({"id": "busy", "at": "rcpt", "do": {"reply": "450 No"}}))
    inbox.enter()
    served.status["uptime"] = 1.5

    found = scraped(served)

    assert found["mailtrap_rule_fired", "default", "busy", "none"] == 0
    assert (found["mailtrap_open_sessions", "default"], found["mailtrap_uptime_seconds",]) == (1, 1.5)
    assert found["mailtrap_info", "1"] == 1


def test_counting_ends_with_the_server(served: Served) -> None:
    close(served.app)
    served.keep(mail())
    served.store.flush()

    assert served.context.tally.of("messages") == {}
