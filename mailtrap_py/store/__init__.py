"""The record: sessions, transcripts, firings, transactions and messages, written as they happen and read at any time.

The only import of sqlalchemy. The store imports no reader: it announces, others subscribe.
"""

from mailtrap_py.store.query import Announcement, MessageSummary, Page, Query, SessionView
from mailtrap_py.store.store import Store
from mailtrap_py.store.upkeep import Keep

__all__ = ["Announcement", "Keep", "MessageSummary", "Page", "Query", "SessionView", "Store"]
