"""What the tests of scenarios share: a director with a clock to move, and strategies for scenarios and events."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Event, Point, Reply
from mailtrap_py.scenario import Director, TlsFault, from_data
from mailtrap_py.scenario.points import KNOWN

REFUSE = "450 4.2.0 Busy"
MESSAGE = b"From: Ann <ann@example.com>\r\nSubject: Your invoice\r\nMessage-ID: <1@example.com>\r\n\r\nHello Bob\r\n"


class Stage:
    """A director of rules as data, with a clock that the test moves."""

    def __init__(self, *rules: Mapping[str, object], seed: int = 1) -> None:
        self.now = 1000.0
        self.director = Director(from_data({"rules": rules}), now=lambda: self.now, dice=random.Random(seed))

    def fires(self, event: Event) -> str:
        decision = self.director.decide(event)
        return decision.rule if decision else ""


def rcpt(recipient: str = "bob@example.com", **known: object) -> Event:
    facts: dict[str, Any] = {"reverse_path": "ann@example.com", "client": "127.0.0.1", "verb": "RCPT", "index": 1}
    return Event(point=Point.RCPT, **(facts | {"recipient": recipient} | known))


def message(content: bytes = MESSAGE, **known: object) -> Event:
    facts: dict[str, Any] = {"reverse_path": "ann@example.com", "recipients": ("bob@example.com",)}
    return Event(point=Point.MESSAGE, content=content, **(facts | {"client": "127.0.0.1"} | known))


# Anything that JSON can say.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

ADDRESSES = st.sampled_from(["", "ann@example.com", "bob@EXAMPLE.com", "postmaster@[127.0.0.1]", "zoë@example.com"])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
_SAID = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="$"), min_size=1, max_size=20
)
DURATIONS = st.builds(lambda number, unit: f"{number}{unit}", st.integers(1, 999), st.sampled_from(["ms", "s", "m"]))
NUMBERS = st.sampled_from([0, 3, [1, 2], "> 1MB", "<= 3", "!= 0", 10**9])
PATTERNS = (
    ADDRESSES
    | st.sampled_from(["*@example.com", "/^bob/", "?*", ["ann*", "bob@example.com"]])
    | TEXT.filter(lambda text: "${" not in text and not text.startswith("/"))
)
_MATCHERS: dict[str, st.SearchStrategy[Any]] = {
    "port": st.sampled_from([25, [465, 587], "> 1024"]),
    "tls": st.booleans() | st.sampled_from(["TLSv1.2", [1, 1.3], "TLSv1.*"]),
    "sni": PATTERNS,
    "state": st.sampled_from(["up", ["up", "down"], ""]),
    "line": NUMBERS,
    "idle": DURATIONS,
    "upstream": st.sampled_from([{"code": "4xx"}, {"code": [250, "45x"]}]),
    "client": st.sampled_from(["127.0.0.1", "10.0.0.0/8", ["::1", "127.0.0.0/8"]]),
    "inbox": PATTERNS,
    "session_number": NUMBERS,
    "helo": PATTERNS,
    "user": PATTERNS,
    "mechanism": st.sampled_from(["plain", "LOGIN", "*"]),
    "message_number": NUMBERS,
    "verb": st.sampled_from(["rcpt", "R*"]),
    "from": PATTERNS,
    "to": PATTERNS,
    "index": NUMBERS,
    "recipients": NUMBERS,
    "size": NUMBERS,
    "header": st.dictionaries(st.sampled_from(["Subject", "X-Mailer", "list-id"]), PATTERNS, min_size=1),
    "subject": PATTERNS,
    "body": PATTERNS,
}


@cache  # to make a strategy takes longer than to draw from it
def _whens(point: Point) -> st.SearchStrategy[dict[str, Any]]:
    known = {name: values for name, values in _MATCHERS.items() if name in KNOWN[point]}
    always = {"idle"} if point is Point.IDLE else set()
    plain = st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: known[name] for name in {*names, *always}})
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"not": inner}),
            st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        ),
        max_leaves=4,
    )


_COUNTS = st.one_of(
    st.fixed_dictionaries({"times": st.integers(1, 3)}, optional={"skip": st.integers(0, 3)}),
    st.fixed_dictionaries({"every": st.integers(1, 3)}, optional={"per": st.sampled_from(["session", "client"])}),
    st.fixed_dictionaries({"nth": st.integers(1, 3) | st.lists(st.integers(1, 5), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"for": DURATIONS}, optional={"per": st.just(["session", "client"])}),
    st.fixed_dictionaries({"after": DURATIONS}),
    st.fixed_dictionaries({"limit": st.fixed_dictionaries({"n": st.integers(1, 3), "window": DURATIONS})}),
    st.fixed_dictionaries({"concurrent": st.integers(0, 4)}),
    st.fixed_dictionaries({"chance": st.floats(0, 1) | st.sampled_from(["5 of 100", "1 of 2", "0.5"])}),
)
_REPLIES = st.sampled_from([
    REFUSE,
    "250",
    550,
    ["550-5.1.1 No", "550 5.1.1 such <${client}>"],
    {"code": 451, "enhanced": "4.3.0", "lines": ["one", "two"]},
    {"code": 250},
])  # fmt: skip
_MANNERS = st.one_of(
    st.fixed_dictionaries({"drip": st.fixed_dictionaries({"every": DURATIONS}, optional={"bytes": st.integers(1, 9)})}),
    st.sampled_from([{"split": {"at": 3}}, {"split": {"at": [1, 2]}}, {"truncate": {"at": 5}}, "duplicate", "hold"]),
    st.sampled_from([{"line_end": "lf"}, {"before": "250 for ${client}"}, {"before": "\xff"}]),
)
_ASIDES = st.one_of(
    st.sampled_from([{"ehlo": {"add": "SIZE 1"}}, {"ehlo": {"set": []}, "lie": True}, {"set": {"state": "down"}}]),
    st.fixed_dictionaries({"listener": st.sampled_from(["refuse", "pause", "blackhole"])}, optional={"for": DURATIONS}),
)
_TLS_FAULTS = st.sampled_from(sorted({*TlsFault} - {TlsFault.INJECT})).map(lambda fault: {"tls": fault.value})
_FIRST = st.one_of(
    _ASIDES,
    st.fixed_dictionaries({"delay": DURATIONS | st.just({"uniform": ["1s", "2s"]})}),
    st.just({"delay": {"lognormal": {"median": "1s", "sigma": 0.5}}}),
    st.fixed_dictionaries({"note": _SAID}),
)
_SILENT = st.sampled_from(
    ["stall", *({"close": how} for how in ("fin", "half", "abort", "reset")), {"stall": {"max": "30s", "name": "gate"}}]
)
_LAST = st.one_of(
    st.fixed_dictionaries({"reply": _REPLIES}),
    st.just({"reply": "421 4.3.2 ${client}, goodbye", "stay": True}),
    _SILENT,
)


@cache
def _doings(point: Point) -> st.SearchStrategy[list[Any]]:
    if point is Point.TLS:
        return st.builds(lambda first, last: [*first, last], st.lists(_FIRST, max_size=2), _SILENT | _TLS_FAULTS)
    first = _FIRST
    if point in {Point.DATA, Point.CONTENT}:
        first |= st.sampled_from([{"read": {"rate": "1KB/s"}}, {"read": "stop"}])
    elif point is Point.MESSAGE:
        first |= st.just("accept")
    elif point is Point.STARTTLS:
        first |= _TLS_FAULTS | st.just({"tls": "inject"})
    answer = st.fixed_dictionaries({"reply": _REPLIES}) | st.just({"raw": "25\xff"})
    return st.one_of(
        st.builds(lambda first, last: [*first, last], st.lists(first, max_size=2), _LAST),
        st.builds(lambda first, manners, last: [*first, *manners, last], st.lists(first, max_size=1),
                  st.lists(_MANNERS, max_size=2), answer),
    )  # fmt: skip


@cache
def _rules(point: Point) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "at": st.just(point.value),
            "when": _whens(point),
            "do": _doings(point),
        },
        optional={"count": _COUNTS, "optional": st.booleans()},
    )


_RULES = st.sampled_from(list(Point)).flatmap(_rules)


_NEVER = ("can never be reached", "is never in the state")


def _loads(data: dict[str, Any]) -> bool:
    try:
        from_data(data)
    except ScenarioError as error:
        if not any(words in str(error) for words in _NEVER):
            raise
        return False
    return True


# Scenarios without a mistake.
SCENARIOS = st.fixed_dictionaries(
    {"rules": st.lists(_RULES, max_size=5)},
    optional={
        "name": _SAID,
        "class": st.sampled_from(["legal", "seen", "hostile"]),
        "seed": st.integers(),
        "clock": st.sampled_from(["real", "manual", {"speed": 60}, {"speed": 0.5}]),
        "strict": st.booleans(),
        "state": st.just("up"),
        "params": st.fixed_dictionaries({"wait": DURATIONS}),
        "expect": st.just([{"delivered": "exactly-once"}]),
    },
).filter(_loads)

EVENTS = st.builds(
    Event,
    point=st.sampled_from(Point),
    session_id=st.sampled_from(["", "a", "b"]),
    client=st.sampled_from(["", "127.0.0.1", "::ffff:127.0.0.1", "fe80::1%lo", "nonsense"]),
    session_number=st.integers(0, 5),
    message_number=st.integers(0, 5),
    helo=TEXT,
    user=ADDRESSES,
    mechanism=st.sampled_from(["", "PLAIN"]),
    verb=st.sampled_from(["", "RCPT", "\udcff"]),
    reverse_path=st.none() | ADDRESSES,
    mail_parameters=st.sampled_from([{}, {"SIZE": "1000"}, {"SIZE": ""}, {"SIZE": "²"}, {"SIZE": "9" * 5000}]),
    recipient=st.none() | ADDRESSES,
    index=st.integers(0, 5),
    recipients=st.lists(ADDRESSES, max_size=3).map(tuple),
    content=st.binary(max_size=200) | st.just(MESSAGE),
    lines=st.integers(0, 5),
    port=st.integers(0, 65535),
    tls=st.sampled_from(["", "TLSv1.3"]),
    sni=TEXT,
    open_sessions=st.integers(0, 5),
    silent=st.floats(0, 1000),
    upstream_reply=st.none() | st.just(Reply(450)),
)
