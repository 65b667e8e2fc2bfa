"""The doors of the house, as Protocols: what stands behind them can be exchanged."""

from collections.abc import Callable
from typing import Protocol

from fleetwire.fleet.events import Fact


class Timer(Protocol):
    """A call that will be made."""

    def cancel(self) -> None:
        """Do not make it."""


class Clock(Protocol):
    """Time, as the server gets it; a test brings its own and moves it by hand."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""

    def utc(self) -> str:
        """Wall clock, like "2026-11-22T17:31:00.123Z"."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a monotonic time."""


class Report(Protocol):
    """Takes facts of `fleetwire.fleet.events`."""

    async def __call__(self, *facts: Fact) -> None:
        """Apply them and tell what changed; returns once those who keep up have been written to."""


class Source(Protocol):
    """Where facts come from: a report, a simulator, an expert."""

    name: str

    async def run(self, report: Report) -> None:
        """Report facts until there are no more, or until cancelled."""
