"""The tables, and how values become columns. Nothing here is particular to one database.

One counter gives every row of every table its position, in the order in which things were recorded. It stands in the
database and is raised inside the transaction that uses it: so positions become visible in order, even when several
programs write, and a reader that asks for what came after a position never overlooks anything.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    create_mock_engine,
    insert,
)
from sqlalchemy import Text as AnyText

VERSION = 2
"""Raised with every change of the tables below; `upgrade` says what becomes of older ones, a newer one is refused."""

_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")
_QUICKLY = msgspec.json.Encoder(enc_hook=dict).encode  # what it does not know is some kind of mapping
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict).encode
_DECODE = json.JSONDecoder().decode


def escape(text: str) -> str:
    """Make any text storable: NUL and lone surrogates, which no database takes, as SUB (U+001A) and four digits.

    Addresses hold surrogates where the client sent bytes that are not UTF-8 (`surrogateescape`).
    """
    if text.isascii() and "\x00" not in text and "\x1a" not in text:
        return text
    return _UNSTORABLE.sub(lambda found: f"\x1a{ord(found[0]):04x}", text)


def storable(texts: Iterable[str]) -> bool:
    """Tell whether all of the texts are as `escape` would make them: to look at many at once is much quicker."""
    joined = "".join(texts)
    return _UNSTORABLE.search(joined) is None


def unescape(text: str) -> str:
    """Give back exactly what `escape` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\x1a" in text else text


def encode(value: object) -> str:
    """Write it as JSON, storable; what is not ASCII stays readable. Numbers are finite."""
    try:
        return _QUICKLY(value).decode()  # ten times as fast, and JSON needs no escape for a NUL or a SUB
    except UnicodeEncodeError:  # lone surrogates
        return escape(_ENCODE(value))


class Text(TypeDecorator[str]):
    """Any `str`, exactly: also NUL and lone surrogates."""

    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Escape it on the way in."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """And back on the way out."""
        return None if value is None else unescape(value)


class Json(TypeDecorator[object]):
    """Lists, mappings, texts and numbers as JSON, exactly: the text may hold what `Text` may."""

    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's signature
        """Encode it on the way in."""
        return encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:  # noqa: ARG002 - SQLAlchemy's signature
        """Read the JSON."""
        return None if value is None else _DECODE(unescape(value))


# SQLite numbers the rows of a table by its INTEGER key and by no other: then the key costs nothing.
Position = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

about = Table(
    "mailtrap_py",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("inbox", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("clock", Double, nullable=False),
    Column("client", Text, nullable=False),
    Column("client_port", Integer, nullable=False),
    Column("port", Integer, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("helo", Text, nullable=False),
    Column("esmtp", Boolean, nullable=False),
    Column("tls_version", Text, nullable=False),
    Column("tls_cipher", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("mechanism", Text, nullable=False),
    Column("ended_at", Double),
    Column("ended_clock", Double),
    Column("ending", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# One row holds all lines that a session brought to one commit.
lines = Table(
    "lines",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("chunk", Json, nullable=False),
)

firings = Table(
    "firings",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("transaction_id", Text, nullable=False),
    Column("inbox", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("clock", Double, nullable=False),
    Column("point", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("actions", Json, nullable=False),
)

transactions = Table(
    "transactions",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("inbox", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("started_clock", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("ended_clock", Double, nullable=False),
    Column("reverse_path", Text, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("recipients", Json, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("reply", Json, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("inbox", Text, nullable=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("transaction_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("clock", Double, nullable=False),
    Column("reverse_path", Text, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("recipients", Json, nullable=False),
    Column("subject", Text, nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("cc", Text, nullable=False),
    Column("date", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("attachments", Integer, nullable=False),
    Column("tls_version", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("helo", Text, nullable=False),
    # What an inbox holds is counted, summed up and cut off at its old end without a look at the rows.
    Index("ix_messages_kept", "inbox", "position", "size"),
)

# The octets of a message, or of a transaction that brought none, under the position of that row: lists never read them.
contents = Table(
    "contents",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

# Every address of a message as it is compared, its domain in lower case. `role` is `to` or `from`.
addresses = Table(
    "addresses",
    metadata,
    Column("message", Position, nullable=False),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index("ix_addresses_address", "address", "role", "message"),
    Index("ix_addresses_message", "message"),
)

# What searches look through. Written after the message: all up to the position in `indexed` are here.
texts = Table(
    "texts",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)

# Positions of what was removed, whose octets, addresses and words are still there, to go when there is time.
stale = Table("stale", metadata, Column("position", Position, primary_key=True, autoincrement=False))

indexed = Table("indexed", metadata, Column("position", BigInteger, primary_key=True, autoincrement=False))

# What the programs that share a record remember together of each inbox: its scenario and how far that has come, and
# notes about clients, recipients and whatever else has counters of its own.
ledgers = Table(
    "ledgers",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("data", Json, nullable=False),
)
notes = Table(
    "notes",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("data", Json, nullable=False),
)

KEPT_FOR_EVER = frozenset({about, indexed, ledgers, notes})
"""What stays when everything is removed."""


def create(connection: Connection) -> None:
    """Create all tables in a database that has none, with the rows that they begin with."""
    for statement in _creation(f"{connection.dialect.name}+{connection.dialect.driver}"):
        connection.exec_driver_sql(statement)


@functools.cache
def _creation(driver: str) -> tuple[str, ...]:
    # Tests open a record each, and rendering these takes longer than all else that opening is.
    def rendered(statement: Any) -> str:  # noqa: ANN401 - one that can be executed, which need not be one to compile
        return str(statement.compile(dialect=told.dialect))

    statements: list[str] = []
    told = create_mock_engine(f"{driver}://", lambda statement, *_: statements.append(rendered(statement)))
    metadata.create_all(told, checkfirst=False)
    rows = (insert(about).values(version=VERSION, position=0), insert(indexed).values(position=0))
    statements += [str(row.compile(dialect=told.dialect, compile_kwargs={"literal_binds": True})) for row in rows]
    return tuple(statements)
