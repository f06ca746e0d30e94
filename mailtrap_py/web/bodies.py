"""What the API answers, as pydantic models: they are read off the record's own values, write the JSON, and document it.

Text from mail may hold what no encoding can write: octets that were not UTF-8 are kept as lone surrogates. In JSON each
of them becomes U+FFFD, the replacement character; the exact octets are at the routes that end in `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from mailtrap_py.events import Ending, Outcome, Point, Source
from mailtrap_py.scenario.findings import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtrap_py.scenario import RuleState
    from mailtrap_py.store import Page

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")

A = TypeVar("A", bound="Answer")


def writable(text: str) -> str:
    """Put U+FFFD where a lone surrogate is, so that the text can be encoded."""
    return _LONE_SURROGATES.sub("\ufffd", text)


def _writable(value: object) -> object:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, Mapping):
        return {_writable(key): _writable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(each) for each in value]
    return value


class Answer(BaseModel):
    """The manners of all answers: frozen, every field always there, and only text that can be written.

    `model_validate` reads an answer off any value with attributes of these names. Times are given as seconds since
    1970 and written with their zone, as in `2026-07-20T04:51:26.123456Z`.
    """

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="forbid",
        from_attributes=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        json_schema_serialization_defaults_required=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_lone_surrogates(cls, value: object) -> object:
        return _writable(value)


def moment(seconds: float) -> datetime:
    """Turn seconds since 1970 into a time with its zone."""
    return datetime.fromtimestamp(seconds, UTC)


class Listing(Answer, Generic[A]):
    """A part of a list. `next_cursor` asks for the part that follows, null at the end; `total` counts the whole."""

    items: list[A]
    next_cursor: str | None = None
    total: int

    @classmethod
    def whole(cls, items: Sequence[A]) -> Self:
        """Give a list that is complete."""
        return cls(items=list(items), total=len(items))

    @classmethod
    def cut(cls, found: Sequence[Any], start: int, limit: int) -> Self:
        """Give what begins at a number of a list that is never sorted anew, each of its values read as an answer."""
        end = start + limit
        cursor = str(end) if end < len(found) else None
        return cls.model_validate({"items": found[start:end], "next_cursor": cursor, "total": len(found)})

    @classmethod
    def part(cls, page: Page[Any]) -> Self:
        """Give a page of the store, each of its values read as an answer."""
        return cls.model_validate({"items": page.items, "next_cursor": page.next, "total": page.total})


class Deleted(Answer):
    """How many messages were deleted."""

    deleted: int


class Health(Answer):
    """The server answers."""

    status: str = "ok"


class Status(Answer):
    """What the trap says of itself: its version, its addresses, and what else it knows."""

    model_config = ConfigDict(extra="allow", from_attributes=False)


# Messages


class MessageItem(Answer):
    """A message as lists show it. `reverse_path` and `recipients` are the envelope's; what the header says is decoded.

    `cursor` orders messages: what is stored later has a higher one. `at` is when it was stored, `size` is in octets.
    """

    id: str
    cursor: str = Field(validation_alias="position")
    inbox: str
    at: datetime
    reverse_path: str
    recipients: list[str]
    from_: str = Field(serialization_alias="from")
    to: str
    cc: str
    subject: str
    date: str
    message_id: str
    size: int
    attachments: int
    session_id: str
    transaction_id: str
    tls_version: str
    user: str
    client: str
    helo: str


class MessageList(Listing[MessageItem]):
    """Messages, newest first."""


class NewMessages(Listing[MessageItem]):
    """The messages that were waited for, oldest first; `next_cursor` goes into `after` to wait for later ones."""


class HeaderItem(Answer):
    """A field of the header, decoded and unfolded."""

    name: str
    value: str


class HeaderList(Listing[HeaderItem]):
    """Every field of the header, in order."""


class PartItem(Answer):
    """A part of a message. Its content is at `/api/messages/{id}/parts/{index}`; `size` is in octets, decoded.

    `attachment` says whether it is one; `disposition` is what the sender called it.
    """

    index: int
    content_type: str
    filename: str
    content_id: str
    disposition: str
    attachment: bool = Field(validation_alias="is_attachment")
    size: int


class PartList(Listing[PartItem]):
    """The parts of a message, depth first."""


class LinkItem(Answer):
    """Somewhere that a message leads to."""

    url: str


class LinkList(Listing[LinkItem]):
    """The links of a message, each once."""


class CodeItem(Answer):
    """A one-time code, as it is written in the text."""

    code: str


class CodeList(Listing[CodeItem]):
    """The one-time codes of a message."""


class ReplyItem(Answer):
    """What the server replied; several lines are joined by a line feed."""

    code: int
    enhanced: str
    text: str


class RecipientItem(Answer):
    """One RCPT command: its address, its parameters, the reply, and the rule that made it, if one did."""

    address: str
    parameters: dict[str, str]
    accepted: bool
    reply: ReplyItem
    rule: str


class TransactionItem(Answer):
    """A mail transaction that ended. `clock` times are those of the scenario's clock.

    `outcome` says what became of it, `acknowledged` whether the client was sent the 250: a message can be stored while
    its client never learns of it. `message_id` is the id of the stored message, not its header field.
    """

    id: str
    session_id: str
    inbox: str
    number: int
    started_at: datetime
    started_clock: datetime
    ended_at: datetime
    ended_clock: datetime
    reverse_path: str
    parameters: dict[str, str]
    recipients: list[RecipientItem]
    outcome: Outcome
    acknowledged: bool
    reply: ReplyItem | None
    rule: str
    reason: str
    octets: int
    message_id: str


class TransactionList(Listing[TransactionItem]):
    """Transactions, oldest first."""


class MessageDetail(MessageItem):
    """A message with all that can be read in it.

    `transaction` has the recipients that were refused, too, and every reply; it is null until the client was answered.
    """

    headers: list[HeaderItem]
    text: str
    html: str
    links: list[str]
    codes: list[str]
    parts: list[PartItem]
    defects: list[str]
    transaction: TransactionItem | None


class DrainedMessage(MessageDetail):
    """A message that is deleted by now, with all that was in it; `raw` is base64 of its exact octets."""

    raw: str


class DrainedMessages(Listing[DrainedMessage]):
    """What was taken out, oldest first; `total` counts what fitted before. `next_cursor` is null: ask again."""


# Sessions


class SessionItem(Answer):
    """A connection of a client; `ended_at` is null and `ending` is empty while it is open."""

    id: str
    cursor: str = Field(validation_alias="position")
    inbox: str
    number: int
    at: datetime
    client: str
    client_port: int
    port: int
    protocol: str
    upstream: str
    helo: str
    esmtp: bool
    tls_version: str
    tls_cipher: str
    user: str
    mechanism: str
    ended_at: datetime | None
    ending: Ending | None
    reason: str
    message_count: int = Field(validation_alias=AliasChoices("message_count", "messages"))
    transaction_count: int = Field(validation_alias=AliasChoices("transaction_count", "transactions"))

    @field_validator("ending", mode="before")
    @classmethod
    def _still_open(cls, value: object) -> object:
        return value or None


class SessionList(Listing[SessionItem]):
    """Sessions, newest first."""


class LineItem(Answer):
    """A line of a transcript; `offset` is in seconds since the session began.

    `text` is for people. `data` is base64 of the exact octets, null where `text` and CRLF are exactly those, and where
    nothing was sent. `octets` counts the content of a message. `secret` marks credentials, masked unless asked for;
    `early` what came before the reply to what was sent before it.
    """

    number: int
    at: datetime
    clock: datetime
    offset: float
    source: Source
    text: str
    data: str | None
    octets: int
    rule: str
    secret: bool
    early: bool


class RuleItem(Answer):
    """A rule and what became of it: how often it was asked, matched and fired, and how near it came when it did not."""

    id: str
    rule: dict[str, Any]
    asked: int
    matched: int
    fired: int
    nearest_miss: str

    @classmethod
    def of(cls, state: RuleState) -> Self:
        """Read the state of a rule; the rule itself as a file would say it."""
        return cls(
            id=state.rule.id,
            rule=state.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            asked=state.asked,
            matched=state.matched,
            fired=state.fired,
            nearest_miss=state.nearest_miss,
        )


class FiringItem(Answer):
    """A rule acted, for the `number`th time; `actions` are in the words of the scenario."""

    session_id: str
    transaction_id: str
    inbox: str
    at: datetime
    clock: datetime
    point: Point
    rule: str
    number: int
    actions: list[str]


class FindingItem(Answer):
    """Something that the session shows of its client: what, how bad, why it matters, and by which RFC.

    `lines` are the numbers of the lines of the transcript that show it.
    """

    kind: str
    level: Level
    text: str
    why: str
    rfc: str
    lines: list[int]


class SessionDetail(SessionItem):
    """A session with its whole conversation, its transactions, the rules that acted, and what it shows of its client.

    Of a session that brought very many messages only the first are looked at for findings in their content.
    """

    transcript: list[LineItem]
    transactions: list[TransactionItem]
    firings: list[FiringItem]
    findings: list[FindingItem]
