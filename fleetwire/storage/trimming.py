"""How what is old goes: in steps that are bounded, so that what has to be written never waits long."""

from collections.abc import Callable, Iterator
from typing import Final

from fleetwire.storage.database import Connection
from fleetwire.storage.reading import event_channels
from fleetwire.storage.retention import Retention, days_before
from fleetwire.storage.writing import TIERS

LINES_AT_ONCE: Final = 2000
"""How many lines one step, which is one transaction, removes."""

Step = Callable[[Connection], bool]
"""One step: removes up to `LINES_AT_ONCE` lines, and tells whether there may be more."""


def trimming(connection: Connection, retention: Retention, now_ms: int) -> list[Step]:
    """Plan what is to be removed.

    Args:
        connection: where from.
        retention: what stays.
        now_ms: the time, in UTC milliseconds.

    Returns:
        Steps, each to be repeated while it tells that there may be more.
    """
    cleared_before = days_before(now_ms, retention.alerts_days)
    # The newest alert stays, so that its number is never given again.
    cleared = "cleared_ms < ? AND id < (SELECT max(id) FROM alerts)"
    settled = "settled_ms < ? AND number < (SELECT max(number) FROM commands)"  # likewise
    return [
        *_samples(connection, retention, now_ms),
        *_events(connection, retention, now_ms),
        _remove("alerts", "id", cleared, cleared_before),
        _remove("commands", "number", settled, days_before(now_ms, retention.commands_days)),
        _remove("news", "id", "utc_ms < ?", days_before(now_ms, retention.news_days)),
    ]


def _samples(connection: Connection, retention: Retention, now_ms: int) -> Iterator[Step]:
    """A subject at a time: its samples lie together."""
    days = (retention.samples_raw_days, retention.samples_minute_days, retention.samples_hour_days)
    for (subject,) in connection.read("SELECT id FROM subjects ORDER BY id"):
        for tier, kept_days in zip(TIERS, days, strict=True):
            old = "subject = ? AND tier = ? AND utc_ms < ?"
            yield _remove("samples", "subject, tier, utc_ms", old, subject, tier, days_before(now_ms, kept_days))


def _events(connection: Connection, retention: Retention, now_ms: int) -> Iterator[Step]:
    for channel in event_channels(connection):
        too_many = connection.read(
            "SELECT position FROM events WHERE channel = ? ORDER BY position DESC LIMIT 1 OFFSET ?",
            (channel, retention.events_max),
        )
        last = too_many[0][0] if too_many else -1
        old = days_before(now_ms, retention.events_days)
        yield _remove("events", "channel, position", "channel = ? AND position <= ?", channel, last)
        yield _remove("events", "channel, position", "channel = ? AND utc_ms < ?", channel, old)


def _remove(table: str, key: str, condition: str, *values: int | str) -> Step:
    sql = (
        f"DELETE FROM {table} WHERE ({key}) IN "  # noqa: S608
        f"(SELECT {key} FROM {table} WHERE {condition} LIMIT {LINES_AT_ONCE})"
    )
    return lambda connection: connection.run(sql, values) == LINES_AT_ONCE
