"""Octets to text, whatever charset was declared. Nothing here raises, and no text that comes out has surrogates."""

from __future__ import annotations

import re

# Codecs of Python that are not charsets of mail: they escape, or take quadratic time, or exist on one system only.
_NOT_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})

# What is labelled with these is read by every mail program as its superset; the Encoding Standard says so for the web.
_SUPERSETS = {"iso-8859-1": "windows-1252", "latin-1": "windows-1252", "latin1": "windows-1252"}
_ASCII = frozenset({"", "us-ascii", "ascii"})

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) != "\t"} | {0x7F: 0x2421}


def _strict(data: bytes, charset: str) -> str | None:
    try:
        text = data.decode(charset)
    except (LookupError, ValueError):  # no such charset (or a NUL in its name), or not in it
        return None
    return _SURROGATE.sub("\ufffd", text)  # utf-7 lets them through


def _is_charset(name: str) -> bool:
    try:
        bytes(4).decode(name, "replace")  # four octets, which are whole characters even in UTF-32
    except (LookupError, ValueError):
        return False
    return True


def decode(data: bytes, charset: str = "") -> tuple[str, str]:
    """Read the octets as the charset, else as UTF-8, else as it is done for mail of old; with the defect in words.

    Octets that a known charset does not have become U+FFFD, as the reader of the mail would see them.
    """
    name = charset.strip().lower().replace("_", "-")
    if name in _ASCII and data.isascii():
        return data.decode("ascii"), ""
    known = name not in _ASCII | _NOT_CHARSETS and _is_charset(name)
    if known and (text := _strict(data, _SUPERSETS.get(name, name))) is not None:
        return text, ""
    if name in _ASCII:
        defect = f"octets outside ASCII, but {'no charset is given' if not name else f'the charset is {charset}'}"
    else:
        defect = f"octets that are not in its charset, {charset}" if known else f"the charset {charset!r} is not known"
    if (text := _strict(data, "utf-8")) is not None:
        return text, defect
    if known and _SUPERSETS.get(name, name) != "windows-1252":
        return _SURROGATE.sub("\ufffd", data.decode(name, "replace")), defect
    return _strict(data, "windows-1252") or data.decode("latin-1"), defect


def visible(text: str) -> str:
    """Show control characters, which have no business in a line, as the pictures that Unicode has of them."""
    return text.translate(_PICTURES) if _CONTROL.search(text) else text
