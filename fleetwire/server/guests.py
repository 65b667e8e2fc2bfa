"""Who is connected: counted in all and by address, within the limits."""

import asyncio
from collections import Counter
from typing import Any, NamedTuple, Protocol

from fleetwire.hub.limits import Limits
from fleetwire.wire.addresses import Proxies, group_of

_TOO_MANY_IN_ALL = "503 Service Unavailable"
_TOO_MANY_THERE = "429 Too Many Requests"


class Connection(Protocol):
    """What a guest's connection can always do."""

    def abort(self) -> None:
        """End at once."""


class Guest(Protocol):
    """Whoever holds a connection at the moment: a newcomer before TLS, the door, a WebSocket, or HTTP."""

    address: str

    @property
    def transport(self) -> Any:
        """A `Connection`, by which the guest is known."""


class _Place(NamedTuple):
    """Who holds a connection, and with whom it is counted: None for a proxy's, as long as nobody is known behind it."""

    guest: Guest
    group: str | None


class Guests:
    """All connections of a server.

    Args:
        limits: how many may be there.
        proxies: whose connections are not counted as those of one address.
    """

    def __init__(self, limits: Limits, proxies: Proxies | None = None) -> None:
        self._limits = limits
        self._proxies = proxies or Proxies()
        self._counts: Counter[str] = Counter()
        self._places: dict[Connection, _Place] = {}
        self._empty: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def all(self) -> list[Guest]:
        """List them, in the order in which they came."""
        return [place.guest for place in self._places.values()]

    def enter(self, guest: Guest) -> str | None:
        """Let somebody in; or give the HTTP status that says why not."""
        if len(self._places) >= self._limits.connections_max:
            return _TOO_MANY_IN_ALL
        group = None if self._proxies.trusts(guest.address) else group_of(guest.address)
        if not self._count(group):
            return _TOO_MANY_THERE
        self._places[guest.transport] = _Place(guest, group)
        return None

    def hand_over(self, guest: Guest) -> None:
        """Note who holds a connection from now on."""
        place = self._places.get(guest.transport)
        group = place.group if place is not None else None
        self._places[guest.transport] = _Place(guest, group)

    def is_known_as(self, guest: Guest, address: str) -> str | None:
        """Count a proxy's connection as one of whoever is behind it; or give the HTTP status that says why not."""
        place = self._places[guest.transport]
        if place.group is not None:
            return None
        group = group_of(address)
        if not self._count(group):
            return _TOO_MANY_THERE
        self._places[guest.transport] = _Place(guest, group)
        return None

    def leave(self, guest: Guest) -> None:
        """Note that a connection is gone."""
        place = self._places.pop(guest.transport, None)
        if place is None:
            return
        if place.group is not None:
            self._counts[place.group] -= 1
            if not self._counts[place.group]:
                del self._counts[place.group]
        if not self._places and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def _count(self, group: str | None) -> bool:
        """Count one more of a group; tell whether it may have that."""
        if group is None:
            return True
        if self._counts[group] >= self._limits.connections_per_address_max:
            return False
        self._counts[group] += 1
        return True

    async def gone(self, within_s: float) -> None:
        """Wait until nobody is here any more, but not longer than `within_s` seconds."""
        if self._places:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=within_s)
