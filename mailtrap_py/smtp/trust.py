"""Who may say that a client is somebody else: addresses and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


def is_among(client: str, networks: Sequence[str]) -> bool:
    """Tell whether an address is in one of the networks; one of IPv4 inside IPv6 is one of IPv4."""
    if not networks:
        return False
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:  # a unix socket has none
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(network) for network in networks)
