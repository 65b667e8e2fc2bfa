"""How long what is kept is kept; each bound is a setting, with its unit in its name."""

from msgspec import Struct

from fleetwire.wire.errors import ConfigError

DAY_MS = 86_400_000


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `Store.trim` leaves. Deals, trades and the audit are kept for good.

    Args:
        samples_raw_days: balance and equity as they were sampled.
        samples_minute_days: one point a minute.
        samples_hour_days: one point an hour.
        events_max: messages of each event channel; these are also what a restart begins with.
        events_days: messages of an event channel, by age.
        alerts_days: alerts, counted from when they cleared; those that have not cleared stay.
        commands_days: commands, counted from when they came to an end; those under way stay, and so does the audit.
        news_days: calendar events, counted from when they were.
    """

    samples_raw_days: float = 1.0
    samples_minute_days: float = 30.0
    samples_hour_days: float = 1826.0
    events_max: int = 10_000
    events_days: float = 30.0
    alerts_days: float = 365.0
    commands_days: float = 365.0
    news_days: float = 365.0

    def __post_init__(self) -> None:
        """Refuse a bound that keeps nothing, or everything."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            of_right_type = isinstance(value, int) or (name.endswith("_days") and isinstance(value, float))
            if not of_right_type or isinstance(value, bool) or not 0 < value <= 1_000_000:
                kind = "number" if name.endswith("_days") else "whole number"
                raise ConfigError(f"retention: {name} must be a {kind} above 0, and at most 1000000")


DEFAULT_RETENTION = Retention()


def days_before(now_ms: int, days: float) -> int:
    """Give the moment so many days before another, in UTC milliseconds."""
    return now_ms - round(days * DAY_MS)
