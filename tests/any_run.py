"""Records of runs as no server would write them, for what must never raise: hypothesis builds them."""

from __future__ import annotations

from hypothesis import strategies as st

from mailtrap_py.events import (
    Ending,
    Firing,
    Line,
    Message,
    Outcome,
    Point,
    Recipient,
    Recorded,
    Reply,
    SessionEnded,
    SessionStarted,
    Source,
    Transaction,
)
from tests.recorded import updated

SESSIONS = st.sampled_from(["session-1", "session-2", "session-3"])
TIMES = st.floats(0, 2e9)
ADDRESSES = st.sampled_from(["", "a@x", "A@X", "b@y", "b", "é@x"])
REPLIES = st.one_of(
    st.none(),
    st.builds(Reply, code=st.integers(0, 1200), lines=st.just(("text",))),
    st.sampled_from([Reply(250), Reply(354), Reply(421), Reply(450), Reply(550)]),
)
CONTENTS = st.one_of(st.binary(max_size=40), st.sampled_from([b"Message-ID: <1@x>\r\n\r\nHi", b"Message-ID: <1@x"]))
DATA = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"220 ready\r\n",
            b"250-a\r\n250 STARTTLS\r\n",
            b"421 busy\r\n",
            b"334 \r\n",
            b"450 no\r\n",
            b"354\r\n",
            b"25",
            b"EHLO x\r\n",
            b"MAIL FROM:<a@x>\r\n",
            b"RCPT TO:<b@y>\r\n",
            b"AUTH PLAIN AA==\r\n",
            b"AUTH\r\n",
            b"STARTTLS\r\n",
            b"QUIT\r\n",
            b"\r\n",
            b"",
        ]
    ),
)
RECIPIENTS = st.lists(
    st.builds(Recipient, address=ADDRESSES, reply=st.sampled_from([Reply(250), Reply(450), Reply(550), Reply(0)])),
    max_size=3,
).map(tuple)
PARAMETERS = st.sampled_from([{}, {"SIZE": "1"}, {"SIZE": "2"}])
IDS = st.sampled_from(["t1", "t2", "t3"])
EVENTS: st.SearchStrategy[Recorded] = st.one_of(
    st.builds(
        SessionStarted,
        id=SESSIONS,
        inbox=st.just("default"),
        number=st.integers(1, 3),
        at=TIMES,
        clock=TIMES,
        client=st.just("::1"),
        client_port=st.just(1),
        port=st.just(1),
        protocol=st.sampled_from(["smtp", "smtps"]),
    ),
    SESSIONS.map(updated),
    st.builds(
        SessionEnded, id=SESSIONS, inbox=st.just("default"), at=TIMES, clock=TIMES, ending=st.sampled_from(Ending)
    ),
    st.builds(
        Line,
        session_id=SESSIONS,
        number=st.integers(1, 20),
        at=TIMES,
        clock=TIMES,
        source=st.sampled_from(Source),
        data=DATA,
        octets=st.integers(0, 100),
        secret=st.booleans(),
    ),
    st.builds(
        Firing,
        session_id=SESSIONS,
        transaction_id=IDS,
        inbox=st.just("default"),
        at=TIMES,
        clock=TIMES,
        point=st.sampled_from(Point),
        rule=st.sampled_from(["rule-1", "rule-2"]),
        number=st.integers(1, 3),
        actions=st.just(()),
    ),
    st.builds(
        Transaction,
        id=IDS,
        session_id=SESSIONS,
        inbox=st.just("default"),
        number=st.integers(1, 3),
        started_at=TIMES,
        started_clock=TIMES,
        ended_at=TIMES,
        ended_clock=TIMES,
        reverse_path=ADDRESSES,
        parameters=PARAMETERS,
        recipients=RECIPIENTS,
        outcome=st.sampled_from(Outcome),
        acknowledged=st.booleans(),
        reply=REPLIES,
        content=CONTENTS,
        octets=st.integers(0, 60),
    ),
    st.builds(
        Message,
        id=st.sampled_from(["m1", "m2"]),
        inbox=st.just("default"),
        session_id=SESSIONS,
        transaction_id=IDS,
        at=TIMES,
        clock=TIMES,
        reverse_path=ADDRESSES,
        parameters=PARAMETERS,
        recipients=RECIPIENTS,
        raw=CONTENTS,
        client=st.just(""),
        helo=st.just(""),
        tls_version=st.just(""),
        user=st.just(""),
    ),
)
RUNS = st.lists(EVENTS, max_size=25)
