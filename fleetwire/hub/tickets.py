"""Tickets: good once and for half a minute, where a token must not stand. Known by their hashes only."""

from collections import OrderedDict
from typing import NamedTuple

from fleetwire.hub.access import Identity
from fleetwire.wire.signature import hash_token


class _Ticket(NamedTuple):
    identity: Identity
    until: float


class Tickets:
    """The tickets of a server that are out.

    Args:
        count_max: how many there may be; beyond that the oldest is good no more.
        lives_s: how long each is good.
    """

    def __init__(self, count_max: int, lives_s: float) -> None:
        self._count_max = count_max
        self._lives_s = lives_s
        self._tickets: OrderedDict[bytes, _Ticket] = OrderedDict()

    def __len__(self) -> int:
        """How many are out."""
        return len(self._tickets)

    def give(self, ticket: str, identity: Identity, now: float) -> None:
        """Note a ticket.

        Args:
            ticket: long and random, made below.
            identity: who comes with it.
            now: monotonic seconds.
        """
        self._drop_old(now)
        digest = hash_token(ticket)
        self._tickets[digest] = _Ticket(identity, now + self._lives_s)
        self._tickets.move_to_end(digest)  # they are dropped in the order in which they end
        while len(self._tickets) > self._count_max:
            self._tickets.popitem(last=False)

    def take(self, ticket: str, now: float) -> Identity | None:
        """Tell who comes with a ticket, and take it; None where it is unknown, used, or too old."""
        self._drop_old(now)
        found = self._tickets.pop(hash_token(ticket), None)
        return found.identity if found is not None else None

    def _drop_old(self, now: float) -> None:
        while self._tickets and next(iter(self._tickets.values())).until <= now:
            self._tickets.popitem(last=False)
