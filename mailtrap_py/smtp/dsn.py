"""What a client wants to hear of its message: the parameters of RFC 3461, held to its grammar and kept as sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

# RFC 3461, section 4: "xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="",
# "hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits".
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*\Z")
# RFC 6533, section 3: an address that is not ASCII has a notation of its own, and stands as it is under SMTPUTF8.
_UTF8_ADDRESS: Final = re.compile(r"(?:[!-*,-<>-\[\]-~\u0080-\U0010ffff]|\\x\{[0-9A-F]+\}|\+[0-9A-F]{2})*\Z")
_TYPE: Final = re.compile(r"[A-Za-z0-9-]+\Z")
MAX_ENVID: Final = 100
MAX_ORCPT: Final = 500


def _ret(value: str) -> bool:
    return value.upper() in {"FULL", "HDRS"}


def _envid(value: str) -> bool:
    # Section 4.4: it "MUST be encoded as 'xtext'" and "MUST NOT exceed 100 characters".
    return 0 < len(value) <= MAX_ENVID and _XTEXT.match(value) is not None


def _notify(value: str) -> bool:
    # Section 4.1: "the NEVER keyword MUST appear by itself".
    wanted = value.upper().split(",")
    return wanted == ["NEVER"] or (set(wanted) <= {"SUCCESS", "FAILURE", "DELAY"} and len(set(wanted)) == len(wanted))


def _orcpt(value: str) -> bool:
    kind, separator, address = value.partition(";")
    grammar = _UTF8_ADDRESS if kind.lower() == "utf-8" else _XTEXT
    fits = len(value) <= MAX_ORCPT and _TYPE.match(kind) is not None and grammar.match(address) is not None
    return bool(separator and address) and fits


Rules = Mapping[str, Callable[[str], bool]]
OF_MAIL: Final[Rules] = {"RET": _ret, "ENVID": _envid}
OF_RCPT: Final[Rules] = {"NOTIFY": _notify, "ORCPT": _orcpt}


def misspelt(parameters: Mapping[str, str], rules: Rules) -> str:
    """Name the first of these parameters that is not written as RFC 3461 wants it; "" if all of them are."""
    return next((name for name, fits in rules.items() if name in parameters and not fits(parameters[name])), "")
