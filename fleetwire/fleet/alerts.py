"""Rules: raised when a figure passes its threshold, cleared when it has come back far enough."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class Rule(Struct, frozen=True, kw_only=True):
    """Raise above `threshold`, clear below `clear_below` (hysteresis: a figure at the edge must not flap)."""

    name: str
    level: str
    figure: str
    threshold: float
    clear_below: float


EXPERT_DRAWDOWN = Rule(name="ea_drawdown", level="warning", figure="drawdown", threshold=10.0, clear_below=8.0)
PORTFOLIO_DRAWDOWN = Rule(
    name="portfolio_drawdown", level="critical", figure="drawdown", threshold=20.0, clear_below=16.0
)


class Alerts:
    """The open alerts: at most one for each rule and subject."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], dict[str, Any]] = {}
        self._last_id = 0

    def open(self) -> list[dict[str, Any]]:
        """List what is raised and not cleared."""
        return list(self._open.values())

    def observe(
        self, rule: Rule, subject: str, value: float, utc: str, about: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Look at a figure; yield the data of an `alert` where the rule raises or clears.

        Args:
            rule: which one.
            subject: whose figure it is, for people: "EA 12345".
            value: the figure, in percent.
            utc: now.
            about: further fields of the alert, like the `ea_id`.
        """
        place = (rule.name, subject)
        raised = self._open.get(place)
        if raised is None and value > rule.threshold:
            self._last_id += 1
            self._open[place] = {
                "level": rule.level,
                "message": f"{subject} {rule.figure} exceeds {rule.threshold:g}% ({value:.1f}%)",
                **(about or {}),
                "alert_id": self._last_id,
                "rule": rule.name,
                "status": "raised",
                "value": value,
                "threshold": rule.threshold,
                "raised_at": utc,
            }
            yield self._open[place]
        elif raised is not None and value < rule.clear_below:
            del self._open[place]
            yield raised | {
                "level": "info",
                "message": f"{subject} {rule.figure} is back to {value:.1f}%",
                "status": "cleared",
                "value": value,
                "cleared_at": utc,
            }
