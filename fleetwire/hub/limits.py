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
    head_bytes_max: int = 16 * KIB
    head_deadline_s: float = 5.0
    auth_deadline_s: float = 10.0
    auth_failures_max: int = 3
    http_idle_s: float = 75.0
    tokens_max: int = 1_000
    # what a client says
    message_bytes_max: int = 64 * KIB
    report_bytes_max: int = MIB
    body_bytes_max: int = 256 * KIB
    fragments_max: int = 256
    channels_max: int = 128
    protocol_errors_per_minute_max: int = 32
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
    """Allows `per_minute_max` things a minute, all at once or spread.

    Args:
        per_minute_max: how many.
        now: monotonic seconds.
    """

    __slots__ = ("_now", "_per_minute_max", "_tokens")

    def __init__(self, per_minute_max: int, now: float) -> None:
        self._per_minute_max = per_minute_max
        self._tokens = float(per_minute_max)
        self._now = now

    def take(self, now: float) -> bool:
        """Take one; tell whether there was one left."""
        refill = (now - self._now) * self._per_minute_max / 60
        self._tokens = min(self._tokens + refill, float(self._per_minute_max))
        self._now = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
