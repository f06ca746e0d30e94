"""What Prometheus reads: how much came since the start, how much is in the record, and how often each rule fired."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from starlette.responses import Response

from mailtrap_py.events import Outcome
from mailtrap_py.store import Query
from mailtrap_py.web.api import operation
from mailtrap_py.web.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from mailtrap_py.store import Announcement
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.live import Subscribe


class Tally:
    """Counts what the record announces, by inbox. Called on the store's own thread, so it must be quick."""

    def __init__(self, subscribe: Subscribe) -> None:
        """Begin at zero, and listen until `close`."""
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.close = subscribe(self.count)

    def count(self, announcement: Announcement) -> None:
        """Count one more."""
        with self._lock:
            if announcement.message is not None:
                self._counts["messages", announcement.inbox] += 1
                self._counts["octets", announcement.inbox] += announcement.message.size
            elif announcement.kind == "transaction":
                self._counts["transactions", announcement.inbox] += 1

    def of(self, what: str) -> dict[str, int]:
        """Give the counts of one kind by inbox."""
        with self._lock:
            return {inbox: number for (kind, inbox), number in self._counts.items() if kind == what}


def read_metrics(context: Context, _: Parameters) -> Response:
    """Give the metrics in the text format of Prometheus."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - slow

    registry = CollectorRegistry()
    registry.register(_Collector(context))
    return Response(
        generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
    )


class _Collector:
    """The metrics of one moment."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Read them off the trap and its record."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily  # noqa: PLC0415

        context = self._context
        status, store = context.status(), context.store
        store.flush()  # else what was acknowledged just now is not among the counts yet
        yield InfoMetricFamily("mailtrap", "The program.", {"version": str(status.get("version", ""))})
        for name, about in (
            ("messages", "Messages that were stored since the start."),
            ("octets", "Octets of the messages that were stored since the start."),
            ("transactions", "Mail transactions that ended since the start, whatever became of them."),
        ):
            counter = CounterMetricFamily(f"mailtrap_{name}", about, labels=["inbox"])
            for where, number in context.tally.of(name).items():
                counter.add_metric([where], number)
            yield counter
        names = [inbox.name for inbox in context.inboxes]
        yield _by_inbox(
            GaugeMetricFamily("mailtrap_record_messages", "Messages in the record now.", labels=["inbox"]),
            ((name, store.messages(Query(inbox=name), limit=0).total) for name in names),
        )
        yield _by_inbox(
            GaugeMetricFamily("mailtrap_record_sessions", "Sessions in the record now.", labels=["inbox"]),
            ((name, store.sessions(inbox=name, limit=0).total) for name in names),
        )
        attempts = GaugeMetricFamily(
            "mailtrap_record_transactions", "Mail transactions in the record now.", labels=["inbox", "outcome"]
        )
        for name in names:
            for outcome in Outcome:
                count = store.transaction_page(Query(inbox=name), outcome=outcome, limit=0).total
                attempts.add_metric([name, outcome.value], count)
        yield attempts
        yield _by_inbox(
            GaugeMetricFamily("mailtrap_open_sessions", "Sessions that are open now.", labels=["inbox"]),
            ((inbox.name, inbox.open_sessions) for inbox in context.inboxes),
        )
        fired = GaugeMetricFamily(
            "mailtrap_rule_fired", "How often a rule in force has fired.", labels=["inbox", "scenario", "rule"]
        )
        for inbox in context.inboxes:
            for state in inbox.director.rules():
                fired.add_metric([inbox.name, inbox.director.scenario.name, state.rule.id], state.fired)
        yield fired
        uptime = status.get("uptime", 0.0)
        seconds = float(uptime) if isinstance(uptime, int | float) else 0.0
        yield GaugeMetricFamily("mailtrap_uptime_seconds", "How long the server has been up.", seconds)


def _by_inbox(gauge: Metric, counted: Iterable[tuple[str, int]]) -> Metric:
    for inbox, number in counted:
        gauge.add_sample(gauge.name, {"inbox": inbox}, number)
    return gauge


OPERATIONS = (operation("GET", "/metrics", read_metrics, Parameters, "text/plain"),)
