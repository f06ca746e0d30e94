"""Which messages a request means: the parameters that all routes about messages share."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field

from mailtrap_py.pattern import Kind, Pattern
from mailtrap_py.store import Query
from mailtrap_py.web.parameters import Parameters
from mailtrap_py.web.problems import BAD_PARAMETER, ProblemError

MOST_AT_ONCE = 1000
"""Items that one answer holds at most."""

LAST_POSITION = 2**63 - 1
"""The greatest cursor that a record can have."""


def _pattern(kind: Kind) -> AfterValidator:
    def check(text: str) -> str:
        Pattern(text, kind)  # raises ValueError, in words, for what is no regular expression
        return text

    return AfterValidator(check)


AddressPattern = Annotated[str, _pattern("address")]
TextPattern = Annotated[str, _pattern("text")]


class Filter(Parameters):
    """Which messages are meant: those that fit all that is given."""

    inbox: str | None = Field(None, min_length=1, examples=["default"], description="The inbox that holds it.")
    to: Annotated[AddressPattern, Field(min_length=1)] | None = Field(
        None, examples=["bob@example.com"], description="Any envelope recipient: an address, `*@example.com`, `/re/`."
    )
    from_: AddressPattern | None = Field(
        None,
        alias="from",
        examples=["*@example.com"],
        description="The reverse-path, or an address of the From field; empty for the null sender.",
    )
    subject: Annotated[TextPattern, Field(min_length=1)] | None = Field(
        None, examples=["Welcome"], description="What the decoded subject contains; or with `*` and `?`; or `/re/`."
    )
    session: str | None = Field(None, min_length=1, description="The id of the session that brought it.")

    def query(self, after: int | None = None) -> Query:
        """Ask the store for it."""
        return Query(self.inbox, self.to, self.from_, self.subject, self.session, after)

    @property
    def chosen(self) -> bool:
        """Whether it leaves anything out but other inboxes."""
        return bool({"to", "from_", "subject", "session"} & self.model_fields_set)


class Search(Filter):
    """A filter that looks into the messages, too."""

    search: str | None = Field(
        None,
        min_length=1,
        examples=["invoice 0815"],
        description="What stands in it, as one piece, in any case: in an address, a header field, the text, a name.",
    )

    def query(self, after: int | None = None) -> Query:
        """Ask the store for it."""
        return replace(super().query(after), text=self.search)

    @property
    def chosen(self) -> bool:
        """Whether it leaves anything out but other inboxes."""
        return super().chosen or self.search is not None


class Destroy(Search):
    """A filter; or, in so many words, everything."""

    all: bool = Field(default=False, examples=[True], description="Delete everything (in that inbox).")

    def confirmed(self) -> Query:
        """Ask the store for what is to go. Raises `ProblemError` when that would be everything by accident."""
        if self.all and self.chosen:
            cure = "leave out all=true to delete what fits the filter, or the filter to delete everything"
            raise ProblemError(BAD_PARAMETER, "all=true and a filter contradict each other", cure=cure)
        if not self.all and not self.chosen:
            cure = "give to, from, subject, session or search; or all=true to delete everything"
            raise ProblemError(BAD_PARAMETER, "this would delete everything", cure=cure)
        return self.query()
