"""What one address, or one token, may do at most: handshakes, wrong tokens, sessions. Bounded in all it remembers."""

from collections import Counter, OrderedDict
from typing import Final

from fleetwire.hub.access import Identity
from fleetwire.hub.limits import Limits, TokenBucket
from fleetwire.hub.tickets import Tickets
from fleetwire.wire.addresses import group_of

SHARED: Final = frozenset({"", "admin", "expert"})
"""The ids of tokens that are for everybody: their sessions are bounded by `connections_max` alone."""
_FORGOTTEN_AFTER: Final = 10  # times the longest delay


class _Failures:
    """The wrong tokens of one address."""

    __slots__ = ("count", "last", "until")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.until = float("-inf")


class Guard:
    """Counts for all sessions and requests of a server. Addresses are counted in their groups.

    Args:
        limits: what is counted against.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._handshakes: OrderedDict[str, TokenBucket] = OrderedDict()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._sessions: Counter[str] = Counter()
        self.tickets = Tickets(limits.tickets_max, limits.ticket_s)

    def may_open(self, address: str, now: float) -> bool:
        """Count a handshake; tell whether it is within the rate. All who may be connected may come back at once."""
        limits, group = self._limits, group_of(address)
        bucket = self._handshakes.get(group)
        if bucket is None:
            size = limits.connections_per_address_max + limits.handshakes_per_second_max
            bucket = self._handshakes[group] = TokenBucket(limits.handshakes_per_second_max * 60, now, size)
            _bound(self._handshakes, limits.addresses_max)
        self._handshakes.move_to_end(group)
        return bucket.take(now)

    def delay_s(self, address: str, now: float) -> float:
        """Tell for how long wrong tokens of an address are refused as such: 0 where it has not guessed."""
        failures = self._failures.get(group_of(address))
        return max(0.0, failures.until - now) if failures is not None else 0.0

    def failed(self, address: str, now: float) -> bool:
        """Count a wrong token; from the third on each one doubles the delay of the address, beginning with a second.

        Returns:
            Whether it came before the delay of those before it was over.
        """
        limits, group = self._limits, group_of(address)
        failures = self._failures.get(group)
        if failures is None or now > failures.last + _FORGOTTEN_AFTER * limits.auth_delay_max_s:
            failures = self._failures[group] = _Failures()
            _bound(self._failures, limits.addresses_max)
        self._failures.move_to_end(group)
        too_early = now < failures.until
        failures.count += 1
        failures.last = now
        beyond = failures.count - limits.auth_failures_max
        if beyond >= 0:
            failures.until = now + min(2.0 ** min(beyond, 32), limits.auth_delay_max_s)
        return too_early

    def enter(self, identity: Identity) -> bool:
        """Count a session of a token; tell whether it may have one more."""
        if identity.token_id in SHARED:
            return True
        if self._sessions[identity.token_id] >= self._limits.sessions_per_token_max:
            return False
        self._sessions[identity.token_id] += 1
        return True

    def leave(self, identity: Identity) -> None:
        """Count a session of a token no more."""
        if identity.token_id in self._sessions:
            self._sessions[identity.token_id] -= 1
            if self._sessions[identity.token_id] <= 0:
                del self._sessions[identity.token_id]


def _bound(table: OrderedDict[str, TokenBucket] | OrderedDict[str, _Failures], count_max: int) -> None:
    """Forget whoever was not heard of for longest."""
    while len(table) > count_max:
        table.popitem(last=False)
