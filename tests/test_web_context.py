"""What the routes are given."""

from __future__ import annotations

import dataclasses

import pytest

from tests.served import AUTHORITY, Served


def test_the_context_is_what_the_application_was_built_with_and_cannot_be_changed() -> None:
    with Served.open(hostname="mail.example.com") as served:
        context = served.context

        assert (context.settings.hostname, context.authority_pem()) == ("mail.example.com", AUTHORITY)
        assert context.status() is served.status
        with pytest.raises(dataclasses.FrozenInstanceError):
            context.bus = context.bus  # type: ignore[misc]  # which is what is tested
