"""What the server says, as a program hears it; and the server's time, by which the age of a number is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

DRIFT = 0.0002
"""How far two clocks may go apart in a second: an old measurement is trusted that much less."""
SET_S = 1.0
"""By how much more than it may be wrong a stamp has to differ for the server's clock to have been set meanwhile."""


class Envelope(Struct):
    """A message as it comes: every field but `type` may be missing, unknown ones are ignored.

    `patch` (version 2) stands in the place of `data`: a merge patch (RFC 7396) for the row of position `base`.
    """

    type: str
    data: Any = None
    timestamp: str | None = None
    id: int | str | None = None
    channel: str | None = None
    seq: int | None = None
    position: int | None = None
    key: str | None = None
    as_of: str | None = None
    patch: dict[str, Any] | None = None
    base: int | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The data as an object, or an empty one."""
        return self.data if isinstance(self.data, dict) else {}


class ServerClock:
    """The server's time, as well as its messages tell it.

    A stamp was written between question and answer, and so it is known to half of that time; the best known stamp is
    kept until it may have drifted further than a new one, or a new one contradicts it: the server's clock was set.

    Args:
        clock: gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead_s: float | None = None  # the server's time minus the monotonic clock
        self._error_s = 0.0
        self._learned_at = 0.0

    def learn(self, server_time: object, asked_at: float, heard_at: float) -> None:
        """Take the server's word on what time it is.

        Args:
            server_time: UTC, like "2026-11-22T17:31:00.123Z"; anything else is ignored.
            asked_at: monotonic seconds before the server could have written it.
            heard_at: monotonic seconds when it was read.
        """
        server_s = seconds_of(server_time)
        if server_s is None or asked_at > heard_at:
            return
        error_s = (heard_at - asked_at) / 2
        known_s = self._error_s + (heard_at - self._learned_at) * DRIFT
        ahead_s = server_s - (asked_at + heard_at) / 2
        was_set = self._ahead_s is not None and abs(ahead_s - self._ahead_s) > error_s + known_s + SET_S
        if self._ahead_s is None or error_s <= known_s or was_set:
            self._ahead_s = ahead_s
            self._error_s, self._learned_at = error_s, heard_at

    def now_s(self) -> float | None:
        """Seconds since 1970 by the server's clock; None while nothing is known."""
        return None if self._ahead_s is None else self._clock() + self._ahead_s


class Message(Struct, frozen=True, kw_only=True):
    """One message of the server.

    Args:
        type: like "ea_update"; "gap" says that something was lost, "snapshot_end" that a snapshot is complete.
        data: what it says.
        timestamp: when it was published (UTC, like "2026-11-22T17:31:00.123Z").
        id: of the request that it answers.
        channel: where it was published; None for everything that was not.
        seq: counts the messages of an event channel.
        position: counts everything published.
        key: its subject.
        as_of: when its source said it (UTC).
    """

    type: str
    data: Any
    timestamp: str | None = None
    id: int | str | None = None
    channel: str | None = None
    seq: int | None = None
    position: int | None = None
    key: str | None = None
    as_of: str | None = None
    _server_clock: ServerClock | None = None

    @classmethod
    def of(cls, envelope: Envelope, server_clock: ServerClock) -> "Message":
        """Make it of what came."""
        return cls(
            type=envelope.type,
            data=envelope.data,
            timestamp=envelope.timestamp,
            id=envelope.id,
            channel=envelope.channel,
            seq=envelope.seq,
            position=envelope.position,
            key=envelope.key,
            as_of=envelope.as_of,
            _server_clock=server_clock,
        )

    @property
    def age_ms(self) -> int | None:
        """How long ago its source said it (or else it was published), at this moment, by the server's clock.

        In milliseconds; None where that can't be known.
        """
        now_s = self._server_clock.now_s() if self._server_clock else None
        said_s = seconds_of(self.timestamp if self.as_of is None else self.as_of)
        return None if now_s is None or said_s is None else max(0, round((now_s - said_s) * 1000))

    def __repr__(self) -> str:
        """Show what it has."""
        names = ("type", "data", "timestamp", "id", "channel", "seq", "position", "key", "as_of")
        known = ((name, getattr(self, name)) for name in names)
        return f"Message({', '.join(f'{name}={value!r}' for name, value in known if value is not None)})"


def seconds_of(timestamp: object) -> float | None:
    """Read a UTC timestamp as seconds since 1970; None for anything else."""
    if not isinstance(timestamp, str):
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
