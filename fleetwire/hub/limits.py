"""Every bound, with its unit in its name; and the token bucket that counts against one."""

from msgspec import Struct

from fleetwire.wire.errors import ConfigError

KIB = 1024
MIB = 1024 * 1024


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of one server. Every one is a setting; nothing grows without one of them."""

    # who comes in
    connections_max: int = 20_000
    connections_per_address_max: int = 1_000
    handshakes_per_second_max: int = 100
    addresses_max: int = 10_000
    head_bytes_max: int = 16 * KIB
    head_deadline_s: float = 5.0
    auth_deadline_s: float = 10.0
    auth_failures_max: int = 3
    auth_delay_max_s: float = 60.0
    sessions_per_token_max: int = 1_000
    tickets_max: int = 1_000
    ticket_s: float = 30.0
    http_idle_s: float = 75.0
    tokens_max: int = 1_000
    # what a client says
    message_bytes_max: int = 64 * KIB
    report_bytes_max: int = MIB
    body_bytes_max: int = 256 * KIB
    fragments_max: int = 256
    channels_max: int = 128
    protocol_errors_per_minute_max: int = 32
    messages_per_second_max: int = 50
    bytes_per_second_max: int = 256 * KIB
    reports_per_second_max: int = 1_000
    report_bytes_per_second_max: int = 4 * MIB
    publishes_per_second_max: int = 20_000
    publish_bytes_per_second_max: int = 64 * MIB
    burst_s: float = 10.0
    # what a client is told
    out_buffer_bytes_max: int = 64 * KIB
    send_buffer_bytes_max: int = 128 * KIB
    piece_bytes_max: int = 256 * KIB
    stall_timeout_s: float = 30.0
    catch_up_bytes_per_flush_max: int = 8 * MIB
    default_max_hz: float = 0.0
    # what programs publish, and what is remembered of it
    publish_bytes_max: int = MIB
    unflushed_bytes_max: int = 8 * MIB
    unflushed_count_max: int = 10_000
    state_keys_max: int = 100_000
    tombstones_max: int = 10_000
    history_count_max: int = 10_000
    history_bytes_max: int = 32 * MIB
    history_age_max_s: float = 86_400.0
    keep_deadline_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a bound that bounds nothing, or everything."""
        if not 0 <= self.default_max_hz <= 1000:
            raise ConfigError("default_max_hz must be a number from 0 (no bound) to 1000")
        for name in set(self.__struct_fields__) - {"default_max_hz"}:
            value = getattr(self, name)
            of_right_type = isinstance(value, int) or (name.endswith("_s") and isinstance(value, float))
            if not of_right_type or isinstance(value, bool) or not 0 < value < float("inf"):
                raise ConfigError(f"{name} must be a {'number' if name.endswith('_s') else 'whole number'} above 0")


class TokenBucket:
    """Allows `per_minute_max` things a minute, spread or in bursts.

    Args:
        per_minute_max: how many.
        now: monotonic seconds.
        size: how many at once; all of a minute where it is left out.
    """

    __slots__ = ("_now", "_per_second", "_size", "tokens")

    def __init__(self, per_minute_max: float, now: float, size: float | None = None) -> None:
        self._per_second = per_minute_max / 60
        self._size = float(per_minute_max if size is None else size)
        self._now = now
        self.tokens = self._size

    @property
    def fill(self) -> float:
        """How much of it is left, from 0 to 1; below 0 where more was charged than there was."""
        return self.tokens / self._size

    def take(self, now: float) -> bool:
        """Take one; tell whether there was one left."""
        self._refill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def charge(self, count: float, now: float) -> None:
        """Take what has happened already, whether it was left or not."""
        self._refill(now)
        self.tokens -= count

    def _refill(self, now: float) -> None:
        self.tokens = min(self.tokens + (now - self._now) * self._per_second, self._size)
        self._now = now
