"""Who is connected: counted in all and by address, within the limits."""

import asyncio
from collections import Counter
from typing import Protocol

from fleetwire.hub.limits import Limits


class Guest(Protocol):
    """Whoever holds a connection at the moment: the door, a WebSocket, or HTTP."""

    transport: asyncio.Transport
    address: str


class Guests:
    """All connections of a server.

    Args:
        limits: how many may be there.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: Counter[str] = Counter()
        self._guests: dict[asyncio.Transport, Guest] = {}
        self._empty: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._guests)

    def all(self) -> list[Guest]:
        """List them, in the order in which they came."""
        return list(self._guests.values())

    def enter(self, guest: Guest) -> str | None:
        """Let somebody in; or give the HTTP status that says why not."""
        if len(self._guests) >= self._limits.connections_max:
            return "503 Service Unavailable"
        if self._counts[guest.address] >= self._limits.connections_per_address_max:
            return "429 Too Many Requests"
        self._counts[guest.address] += 1
        self._guests[guest.transport] = guest
        return None

    def hand_over(self, guest: Guest) -> None:
        """Note who holds a connection from now on."""
        self._guests[guest.transport] = guest

    def leave(self, guest: Guest) -> None:
        """Note that a connection is gone."""
        if self._guests.pop(guest.transport, None) is not None:
            self._counts[guest.address] -= 1
            if not self._counts[guest.address]:
                del self._counts[guest.address]
            if not self._guests and self._empty is not None and not self._empty.done():
                self._empty.set_result(None)

    async def gone(self, within_s: float) -> None:
        """Wait until nobody is here any more, but not longer than `within_s` seconds."""
        if self._guests:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=within_s)
