"""The open alerts: in which order, and how one looks."""

from collections.abc import Iterable, Mapping
from typing import Any

from fleetwire.cli.lines import fitted
from fleetwire.cli.top.formats import age, text
from fleetwire.cli.top.line import Line, Look
from fleetwire.client.message import seconds_of

Row = Mapping[str, Any]

_GRAVITY: dict[str, tuple[int, Look, str]] = {
    "critical": (0, "alarm", "‼"),
    "warning": (1, "late", "!"),
    "info": (2, "", "i"),
}
_UNKNOWN: tuple[int, Look, str] = (3, "", "?")


def ordered(alerts: Iterable[Row]) -> list[int]:
    """Give their ids: those that nobody has seen first, the gravest of them first, the newest of these first."""
    newest_first = sorted(alerts, key=lambda row: (text(row.get("raised_at")), row["alert_id"]), reverse=True)
    return [row["alert_id"] for row in sorted(newest_first, key=lambda row: (_is_seen(row), _gravity(row)[0]))]


def line(row: Row, server_s: float | None, width: int) -> Line:
    """Write one: how grave, since when, what, and whether somebody has seen it."""
    _, look, mark = _gravity(row)
    seen = f"  seen by {text(row.get('acknowledged_by'))}" if _is_seen(row) else ""
    if _is_seen(row):
        look = "faint"
    message_width = max(10, width - 2 - 9 - 7 - 2 - len(seen))
    return (
        (f"{mark} ", look),
        (fitted(text(row.get("level")), 9), look),
        (since(row.get("raised_at"), server_s).rjust(7), "faint"),
        ("  ", ""),
        (fitted(text(row.get("message")), message_width), "faint" if seen else ""),
        (seen, "faint"),
    )


def since(utc: object, server_s: float | None) -> str:
    """Say how long ago a moment was, by the server's clock."""
    then = seconds_of(utc)
    return "" if then is None or server_s is None else age((server_s - then) * 1_000)


def look_of(row: Row) -> Look:
    """Say what its level means."""
    return _gravity(row)[1]


def _is_seen(row: Row) -> bool:
    return row.get("status") == "acknowledged"


def _gravity(row: Row) -> tuple[int, Look, str]:
    return _GRAVITY.get(text(row.get("level")), _UNKNOWN)
