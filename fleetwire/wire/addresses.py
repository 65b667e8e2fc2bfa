"""Where somebody comes from: behind trusted proxies, and counted with whom."""

import ipaddress
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from fleetwire.wire.errors import ConfigError

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address

FORWARDED_MAX: Final = 32
"""How many addresses of an `X-Forwarded-For` are looked at, from its end on."""
_GROUP_BITS: Final = 64  # what one household is given of IPv6


@lru_cache(4096)
def group_of(address: str) -> str:
    """Tell with whom an address is counted: an IPv6 address with all of its /64, which one peer can have for itself."""
    parsed = _parsed(address)
    if not isinstance(parsed, _IPv6):
        return str(parsed) if parsed is not None else address
    return str(ipaddress.IPv6Network((int(parsed) >> _GROUP_BITS << _GROUP_BITS, _GROUP_BITS)))


class Proxies:
    """Knows the proxies whose `X-Forwarded-For` is believed.

    Args:
        trusted: their addresses, or networks like "10.0.0.0/8".

    Raises:
        ConfigError: one of them is neither.
    """

    def __init__(self, trusted: Collection[str] = ()) -> None:
        self._networks = []
        for text in trusted:
            try:
                self._networks.append(ipaddress.ip_network(text.strip()))
            except ValueError as error:
                raise ConfigError(
                    f'trusted_proxies: {text!r:.60} is no address and no network, like "10.0.0.0/8": {error}'
                ) from None

    def trusts(self, address: str) -> bool:
        """Tell whether an address is a proxy's."""
        parsed = _parsed(address) if self._networks else None
        return parsed is not None and any(parsed in network for network in self._networks)

    def client_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Tell whose request it is that a peer has sent.

        Everybody can write this header, and each proxy adds at its end whom it heard from. So it is read from the end:
        the first address that is no proxy's is the client's. What stands before it is the client's own word.

        Args:
            peer: the address at the other end of the connection.
            forwarded: the values of all `X-Forwarded-For` of the request, in their order.
        """
        found = peer
        if not self.trusts(peer):
            return found
        for text in [part for value in forwarded for part in value.split(",")][: -FORWARDED_MAX - 1 : -1]:
            parsed = _parsed(_without_port(text.strip()))
            if parsed is None:
                break
            found = str(parsed)
            if not self.trusts(found):
                break
        return found


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, colon, port = text.partition(":")
    return host if colon and port.isdigit() else text


def _parsed(text: str) -> _IPv4 | _IPv6 | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, _IPv6) else None
    return mapped or found
