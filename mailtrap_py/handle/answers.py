"""The API's JSON read back as the values of the record that it was made of."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailtrap_py.events import Firing, Line, Outcome, Point, Recipient, Reply, Source, Transaction
from mailtrap_py.store import MessageSummary, SessionView

Item = Mapping[str, Any]

_SENT = frozenset({Source.CLIENT, Source.SERVER})


def moment(text: str) -> float:
    """Read a time as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def message(item: Item) -> MessageSummary:
    """Read a message as lists show it."""
    values = {name: item[name] for name in MessageSummary.__struct_fields__ if name in item}
    values["position"] = int(item["cursor"])
    values["at"] = moment(item["at"])
    values["from_"] = item["from"]
    values["recipients"] = tuple(item["recipients"])
    return MessageSummary(**values)


def session(item: Item) -> SessionView:
    """Read a session."""
    values = {name: item[name] for name in SessionView.__dataclass_fields__ if name in item}
    values["position"] = int(item["cursor"])
    values["at"] = moment(item["at"])
    values["ended_at"] = None if item["ended_at"] is None else moment(item["ended_at"])
    values["ending"] = item["ending"] or ""
    values["messages"] = item["message_count"]
    values["transactions"] = item["transaction_count"]
    return SessionView(**values)


def line(session_id: str, item: Item) -> Line:
    """Read a line of a transcript, credentials shown."""
    source = Source(item["source"])
    said = item["text"].encode() + (b"\r\n" if source in _SENT else b"")
    return Line(
        session_id=session_id,
        number=item["number"],
        at=moment(item["at"]),
        clock=moment(item["clock"]),
        source=source,
        data=said if item["data"] is None else base64.b64decode(item["data"]),
        octets=item["octets"],
        rule=item["rule"],
        secret=item["secret"],
        early=item["early"],
    )


def firing(item: Item) -> Firing:
    """Read a receipt of a rule."""
    values = {name: item[name] for name in Firing.__struct_fields__}
    return Firing(
        **values
        | {
            "at": moment(item["at"]),
            "clock": moment(item["clock"]),
            "point": Point(item["point"]),
            "actions": tuple(item["actions"]),
        }
    )


def transaction(item: Item, content: bytes) -> Transaction:
    """Read a transaction; its content comes apart from it."""
    times = {name: moment(item[name]) for name in ("started_at", "started_clock", "ended_at", "ended_clock")}
    return Transaction(
        id=item["id"],
        session_id=item["session_id"],
        inbox=item["inbox"],
        number=item["number"],
        **times,
        reverse_path=item["reverse_path"],
        parameters=item["parameters"],
        recipients=tuple(_recipient(each) for each in item["recipients"]),
        outcome=Outcome(item["outcome"]),
        acknowledged=item["acknowledged"],
        reply=None if item["reply"] is None else _reply(item["reply"]),
        rule=item["rule"],
        reason=item["reason"],
        octets=item["octets"],
        content=content,
        message_id=item["message_id"],
    )


def _recipient(item: Item) -> Recipient:
    return Recipient(
        address=item["address"], parameters=item["parameters"], reply=_reply(item["reply"]), rule=item["rule"]
    )


def _reply(item: Item) -> Reply:
    return Reply(item["code"], item["enhanced"], tuple(item["text"].split("\n")))
