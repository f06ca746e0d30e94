"""Texts that no database takes, and the version that guards the tables."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, UserDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, Index, Table, make_url
from sqlalchemy.schema import CreateIndex, CreateTable, SchemaItem

from mailtrap_py.store.schema import VERSION, Json, Text, encode, escape, metadata, storable, unescape

ANY_TEXT = st.text(st.characters(exclude_categories=()))
DIALECT = make_url("sqlite://").get_dialect()()


@given(ANY_TEXT)
def test_any_text_comes_back_and_what_is_stored_is_utf_8_without_nul(text: str) -> None:
    stored = escape(text)
    assert b"\x00" not in stored.encode()
    assert unescape(stored) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("grün@exämple", "grün@exämple"),
        (b"caf\xe9@example.com".decode("utf-8", "surrogateescape"), "caf\x1adce9@example.com"),
        ("a\x00b", "a\x1a0000b"),
        ("\x1a0000", "\x1a001a0000"),
    ],
)
def test_only_what_must_be_is_escaped(text: str, stored: str) -> None:
    assert escape(text) == stored
    assert unescape(stored) == text


@given(st.recursive(ANY_TEXT | st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False), st.lists))
def test_any_data_comes_back_from_json(data: object) -> None:
    column = Json()
    assert column.process_result_value(column.process_bind_param(data, DIALECT), DIALECT) == data


@given(st.lists(ANY_TEXT, max_size=4))
def test_many_texts_are_storable_when_none_of_them_would_be_escaped(texts: list[str]) -> None:
    assert storable(texts) == all(escape(text) == text for text in texts)


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, MappingProxyType])
@pytest.mark.parametrize("value", ["plain", "grün", "\ud800", "\x00", "\x1a0000"])
def test_any_kind_of_mapping_is_encoded_storable(kind: type[Mapping[str, str]], value: str) -> None:
    made: Mapping[str, str] = kind({"NAME": value, value: ""})  # type: ignore[call-arg] # these four take one
    encoded = encode([made])
    assert b"\x00" not in encoded.encode()
    assert json.loads(unescape(encoded)) == [{"NAME": value, value: ""}]


def test_no_value_is_no_value() -> None:
    assert Text().process_bind_param(None, DIALECT) is None
    assert Text().process_result_value(None, DIALECT) is None
    assert Json().process_result_value(None, DIALECT) is None


def definitions(dialect: Dialect) -> list[str]:
    parts: list[SchemaItem] = []
    for table in metadata.sorted_tables:
        parts += [table, *sorted(table.indexes, key=lambda index: str(index.name))]
    made = [CreateTable(part) if isinstance(part, Table) else CreateIndex(cast("Index", part)) for part in parts]
    return [" ".join(str(statement.compile(dialect=dialect)).split()) for statement in made]


def test_whoever_changes_the_tables_raises_the_version() -> None:
    columns = [
        f"{table.name}.{column.name} {column.type.compile(DIALECT)} {column.nullable} {column.primary_key}"
        for table in metadata.sorted_tables
        for column in table.columns
    ]
    assert (VERSION, hashlib.sha256("\n".join(columns).encode()).hexdigest()[:16]) == (2, "74779427f5bd58ff")


def test_the_tables_suit_postgresql_too() -> None:
    written = "\n".join(definitions(make_url("postgresql+psycopg://").get_dialect()()))
    assert "CREATE TABLE contents ( position BIGINT NOT NULL, data BYTEA NOT NULL, PRIMARY KEY (position) )" in written
    assert '"user" TEXT NOT NULL' in written
