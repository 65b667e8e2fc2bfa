"""The real time: the machine's monotonic clock and its wall clock."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fleetwire.wire.moment import Moment

_MACHINE: Final = Path("/proc/sys/kernel/random/boot_id")


def _name_of_monotonic() -> str:
    try:
        return _MACHINE.read_text().strip()
    except OSError:  # no Linux
        return ""


class SystemClock:
    """Time as the machine has it."""

    monotonic = staticmethod(time.monotonic)

    monotonic_name = _name_of_monotonic()
    """Names the monotonic clock: another one each time that the machine starts; empty where that can't be known."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def utc(self) -> str:
        """Write the wall clock as "2026-11-22T17:31:00.123Z"; the part before the milliseconds is kept for a second."""
        return self._text(time.time_ns() // 1_000_000)

    def moment(self) -> Moment:
        """Read both clocks."""
        utc_ms = time.time_ns() // 1_000_000
        return Moment(time.monotonic(), utc_ms, self._text(utc_ms))

    def _text(self, utc_ms: int) -> str:
        second, millisecond = divmod(utc_ms, 1000)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{millisecond:03d}Z"

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at a monotonic time, in the running event loop."""
        return asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), callback)
