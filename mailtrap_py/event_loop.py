"""The event loop of a server that runs by itself: uvloop's where it is installed (the extra `fast`), else asyncio's."""

from __future__ import annotations

import asyncio
import importlib.util


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop. Nothing but the speed depends on which it is."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - only where it is installed

    return uvloop.new_event_loop()
