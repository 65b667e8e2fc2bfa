"""Many deadlines, of which only the next matters."""

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_SLACK: Final = 64


class Deadlines(Generic[K]):
    """One deadline for each key. Setting one costs the logarithm of their number; memory is bounded by it, too."""

    def __init__(self) -> None:
        self._at: dict[K, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        """Count them."""
        return len(self._at)

    def set(self, key: K, at: float | None) -> None:
        """Set, move or (None) remove the deadline of a key; times are monotonic seconds."""
        known = self._at.get(key)
        if at is None:
            self._at.pop(key, None)
        elif known is None or known[0] != at:
            self._count += 1
            self._at[key] = (at, self._count)
            heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 2 * len(self._at) + _SLACK:
            self._heap = [(at, count, key) for key, (at, count) in self._at.items()]
            heapify(self._heap)

    def next(self) -> float | None:
        """Give the earliest; None where there is none."""
        while self._heap and self._at.get(self._heap[0][2]) != self._heap[0][:2]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def passed(self, now: float) -> Iterator[K]:
        """Take out the keys whose deadline has come, the earliest first; those set meanwhile for now included."""
        while (earliest := self.next()) is not None and earliest <= now:
            key = heappop(self._heap)[2]
            del self._at[key]
            yield key
