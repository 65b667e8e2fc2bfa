"""The answer to "is everything all right?", in words."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fleetwire.cli.top.formats import age, count
from fleetwire.cli.top.line import Look
from fleetwire.cli.top.link import Link

Row = Mapping[str, Any]


class Fleet(NamedTuple):
    """How many experts are how.

    Args:
        total: all but those that are known from files only.
        late: not heard of for a little too long.
        silent: stale or lost, and not because the market is closed.
        resting: silent because their market is closed.
    """

    total: int = 0
    late: int = 0
    silent: int = 0
    resting: int = 0


class Health(NamedTuple):
    """The answer, and what it means: good, late, alarm, or faint for not known yet."""

    look: Look
    words: str


def is_silent(row: Row) -> bool:
    """Tell whether an expert is silent so that somebody should look."""
    return is_quiet(row) and row.get("why") != "market_closed" and row.get("status") != "history"


def is_quiet(row: Row) -> bool:
    """Tell whether an expert does not report, for whatever reason."""
    return row.get("link") in ("stale", "lost") or row.get("status") in ("stale", "lost")


def is_due(row: Row) -> bool:
    """Tell whether an expert should report now, so that the age of its number counts."""
    return not is_quiet(row) and row.get("status") != "history"


def counted(rows: Iterable[Row]) -> Fleet:
    """Count."""
    total = late = silent = resting = 0
    for row in rows:
        if row.get("status") == "history":
            continue
        total += 1
        if is_silent(row):
            silent += 1
        elif is_quiet(row):
            resting += 1
        elif row.get("link") == "late":
            late += 1
    return Fleet(total, late, silent, resting)


def answer(link: Link, complete: bool, fleet: Fleet, oldest_ms: float | None, alerts: Iterable[Row]) -> Health:
    """Say it.

    Args:
        link: the connection: without it nothing else is known.
        complete: whether all experts have been told.
        fleet: how many experts are how.
        oldest_ms: the age of the oldest number of an expert that should report.
        alerts: those that are not cleared.
    """
    if not link.live:
        return Health(link.look, link.words)
    if not complete:
        return Health("faint", "Reading the fleet")
    if fleet.total == 0:
        return Health("faint", "No expert has reported yet")
    wanted = [row for row in alerts if row.get("status") == "raised" and row.get("level") != "info"]
    critical = sum(row.get("level") == "critical" for row in wanted)
    others = len(wanted) - critical
    parts = [
        f"{count(fleet.silent, 'expert')} silent" if fleet.silent else "",
        count(critical, "critical alert") if critical else "",
        count(others, "other alert" if critical else "alert") if others else "",
    ]
    if any(parts):
        return Health("alarm" if critical or fleet.silent else "late", ", ".join(filter(None, parts)))
    oldest = "" if oldest_ms is None else f", oldest number {age(oldest_ms)}"
    if fleet.late:
        return Health("late", f"{fleet.late} of {count(fleet.total, 'expert')} late{oldest}")
    resting = f", {fleet.resting} with a closed market" if fleet.resting else ""
    everybody = "The one expert is" if fleet.total == 1 else f"All {count(fleet.total, 'expert')}"
    return Health("good", f"{everybody} reporting{resting}{oldest}")
