from __future__ import annotations

import pytest

from mailtrap_py.smtp.trust import is_among


@pytest.mark.parametrize(
    ("client", "networks", "among"),
    [
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8", "fd00::/8"), False),
        ("fd00::1", ("10.0.0.0/8", "fd00::/8"), True),
        ("fe80::1%eth0", ("fe80::/10",), True),
        ("", ("0.0.0.0/0",), False),
        ("10.1.2.3", (), False),
    ],
)
def test_addresses_in_networks(client: str, networks: tuple[str, ...], *, among: bool) -> None:
    assert is_among(client, networks) is among
