"""What bounds commands: how many wait, how long things take, and how fast an operator may send."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from fleetwire.wire.errors import ConfigError

_OPERATORS_MAX: Final = 10_000


class CommandLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of the command queue.

    Args:
        waiting_max: commands that wait or are under way, in all.
        waiting_closing_max: the same for closing commands, which have room of their own beyond it.
        waiting_per_expert_max: for each expert.
        waiting_per_expert_closing_max: the same for closing commands.
        experts_per_command_max: how many experts one command may be for.
        params_bytes_max: what a command's parameters may take, as JSON.
        results_bytes_max: what an expert may say of one command, as JSON.
        remembered_max: settled commands that are remembered, so that nothing is done twice.
        remembered_s: for how long they are.
        accepted_s: how long an expert may be at a command; then it counts as lost sight of.
        redeliver_s: after how long without a word a command is handed over again.
        settling_s: how long after losing sight of a command, without a restart of the expert, a full report that does
            not know the command proves that it never will.
        per_minute: commands of one operator; closing ones do not count.
        burst: how many of them may come at once.
        confirm: commands that have to be sent twice.
        confirm_s: for how long a confirmation is taken.
    """

    waiting_max: int = 100_000
    waiting_closing_max: int = 120_000
    waiting_per_expert_max: int = 200
    waiting_per_expert_closing_max: int = 250
    experts_per_command_max: int = 10_000
    params_bytes_max: int = 4096
    results_bytes_max: int = 16_384
    remembered_max: int = 20_000
    remembered_s: float = 604_800.0
    accepted_s: float = 300.0
    redeliver_s: float = 5.0
    settling_s: float = 30.0
    per_minute: float = 120.0
    burst: int = 60
    confirm: frozenset[str] = frozenset()
    confirm_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a bound that lets nothing happen."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name != "confirm" and not 0 < value < float("inf"):
                raise ConfigError(f"commands: {name} must be above 0, and is {value!r}")


class Rates:
    """A token bucket for each operator; who has not been heard of for long has a full one.

    Args:
        per_minute: how many a minute.
        burst: how many at once.
    """

    def __init__(self, per_minute: float, burst: int) -> None:
        self._per_s = per_minute / 60
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, now: float) -> float:
        """Take one token; give 0, or the seconds until there is one."""
        left, since = self._buckets.get(who, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_s)
        waits = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._buckets[who] = (left if waits else left - 1, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > _OPERATORS_MAX:
            self._buckets.popitem(last=False)
        return waits
