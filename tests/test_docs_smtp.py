"""docs/smtp.md, held against what the server offers."""

from __future__ import annotations

import re
from pathlib import Path

from mailtrap_py.smtp.tls import Authority
from tests.connected import house, looped

PAGE = (Path(__file__).parent.parent / "docs" / "smtp.md").read_text()


@looped
async def test_every_extension_is_described() -> None:
    async with house(tls=Authority(("localhost",)).context) as built:
        client = await built.greeted()
        offered = [line[4:].split()[0] for line in (await client.ask("EHLO c")).splitlines()[1:]]

    assert re.findall(r"^\| `([A-Z0-9]+)` \|", PAGE, re.MULTILINE) == offered
