"""All routes of the compatible APIs, over one mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtrap_py.web.compat.mailbox import Mailbox
from mailtrap_py.web.compat.mailhog import MailHog
from mailtrap_py.web.compat.mailpit import Mailpit
from mailtrap_py.web.compat.mailpit_views import Views

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from mailtrap_py.web.compat.marks import Marks
    from mailtrap_py.web.context import Context


def routes(context: Context, marks: Marks) -> list[BaseRoute]:
    """Make the routes; the settings say whose /api/v1/messages is."""
    box = Mailbox(context.store, marks)
    as_mailhog = context.settings.compat == "mailhog"
    mailpit = Mailpit(context, box)
    return [
        *mailpit.routes(lists=not as_mailhog),
        *Views(context, box, mailpit).routes(),
        *MailHog(context, box).routes(lists=as_mailhog),
    ]
