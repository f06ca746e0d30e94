"""Who a client says it is: the user's name, read out of the responses of an AUTH exchange (RFC 4954, section 4)."""

from __future__ import annotations

import base64
import binascii


def user_of(mechanism: str, response: str, *, first: bool) -> str:
    """Read the user's name out of a response, as far as the mechanism shows it; "" if it does not, or not yet.

    `response` is base64 as it was sent, `first` tells whether it is the first one of its exchange.
    """
    try:
        decoded = base64.b64decode(response, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
    match mechanism:
        case "PLAIN":
            return decoded.split("\0")[1] if decoded.count("\0") == 2 else ""  # noqa: PLR2004 - RFC 4616: two NULs
        case "LOGIN":
            return decoded if first else ""
        case _:
            return ""
