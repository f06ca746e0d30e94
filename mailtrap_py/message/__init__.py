"""What a captured message says: raw bytes in, a view out. Pure, and it never raises: broken mail is mail, too.

    charsets   octets -> text, whatever charset was declared
    fields     the header section: fields, encoded words, parameters, addresses (RFC 5322, 2047, 2231)
    parts      the body: the tree of MIME parts and what they carry (RFC 2045, 2046)
    markup     HTML: its words as plain text, its images, what it would load
    extract    links and one-time codes
    view       all of it behind one value, read when asked for

The standard library's `email` parser is not used. It raises on some of what applications send, and on what differs from
one Python to the next; here both readers, the quick one for lists and the full one, are the same code on every version.
"""

from mailtrap_py.message.charsets import decode, visible
from mailtrap_py.message.extract import pieces
from mailtrap_py.message.fields import Address, addresses
from mailtrap_py.message.markup import embed_images, remote_references
from mailtrap_py.message.parts import Part
from mailtrap_py.message.view import Summary, View, summarize, view

__all__ = [
    "Address",
    "Part",
    "Summary",
    "View",
    "addresses",
    "decode",
    "embed_images",
    "pieces",
    "remote_references",
    "summarize",
    "view",
    "visible",
]
