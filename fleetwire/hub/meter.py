"""How much one session says: in messages and in bytes, against what its role may."""

from enum import Enum
from typing import Final, NamedTuple

from fleetwire.hub.access import Identity, Right
from fleetwire.hub.limits import Limits, TokenBucket

_WARN_BELOW: Final = 0.2
_WARN_ANEW_ABOVE: Final = 0.5


class Verdict(Enum):
    """What a session is to be told."""

    fine = "nothing"
    warn = "that it will be closed if it goes on like this"
    over = "goodbye"


class Rates(NamedTuple):
    """How much a role may say, in a second."""

    messages: int
    size: int


def rates_of(identity: Identity | None, limits: Limits) -> Rates:
    """Tell how much somebody may say: programs that publish the most, experts less, those who only hear the least."""
    if identity is not None and identity.may(Right.publish):
        return Rates(limits.publishes_per_second_max, limits.publish_bytes_per_second_max)
    if identity is not None and identity.may(Right.report):
        return Rates(limits.reports_per_second_max, limits.report_bytes_per_second_max)
    return Rates(limits.messages_per_second_max, limits.bytes_per_second_max)


class Meter:
    """Counts what one session says. What it is allowed in `burst_s` seconds it may say all at once.

    Args:
        rates: how much it may say.
        burst_s: likewise.
        now: monotonic seconds.
    """

    __slots__ = ("_messages", "_size", "_warned", "rates")

    def __init__(self, rates: Rates, burst_s: float, now: float) -> None:
        self.rates = rates
        self._messages = TokenBucket(rates.messages * 60, now, rates.messages * burst_s)
        self._size = TokenBucket(rates.size * 60, now, rates.size * burst_s)
        self._warned = False

    def take(self, messages: int, size: int, now: float) -> Verdict:
        """Count so many messages of so many bytes in all."""
        self._messages.charge(messages, now)
        self._size.charge(size, now)
        left = min(self._messages.fill, self._size.fill)
        if left < 0:
            return Verdict.over
        if left > _WARN_ANEW_ABOVE:
            self._warned = False
        elif left < _WARN_BELOW and not self._warned:
            self._warned = True
            return Verdict.warn
        return Verdict.fine
