"""What goes wrong in the simulated fleet now and then, and comes right again: silence is what a viewer must see."""

from collections.abc import Callable
from random import Random
from typing import Final

from fleetwire.sources.simulator.account import SimulatedAccount
from fleetwire.sources.simulator.experts import SimulatedExpert

_LASTS: Final = (20.0, 90.0)  # reports that are missed
_EVERY: Final = 60.0  # one thing goes wrong in so many reports of an expert

_KINDS: Final = ("expert", "expert", "expert", "restart", "broker", "algo", "terminal")


class Trouble:
    """Silent experts, terminals that are down, brokers that can't be reached, algo trading that is off.

    Args:
        accounts: of the fleet.
        experts: of the fleet.
        report_ms: how often an expert reports.
        random: decides.
    """

    def __init__(
        self, accounts: list[SimulatedAccount], experts: list[SimulatedExpert], report_ms: int, random: Random
    ) -> None:
        self._accounts = accounts
        self._experts = experts
        self._report_ms = report_ms
        self._random = random
        self._next_ms = -1
        self._over: list[tuple[int, Callable[[], None]]] = []

    def look(self, utc_ms: int) -> None:
        """Let troubles end and begin."""
        if self._over and any(until <= utc_ms for until, _ in self._over):
            for until, end in self._over:
                if until <= utc_ms:
                    end()
            self._over = [(until, end) for until, end in self._over if until > utc_ms]
        if self._next_ms < 0:
            self._next_ms = utc_ms + self._wait_ms()
        elif utc_ms >= self._next_ms:
            self._next_ms = utc_ms + self._wait_ms()
            begun = self._begin(self._random.choice(_KINDS))
            lasts = round(self._random.uniform(*_LASTS) * self._report_ms)
            if begun is not None:
                self._over.append((utc_ms + lasts, begun))

    def _wait_ms(self) -> int:
        return round(self._random.uniform(0.5, 1.5) * _EVERY * self._report_ms)

    def _begin(self, kind: str) -> Callable[[], None] | None:
        """Let something go wrong; give what puts it right. None where something else is wrong there already."""
        if kind in ("expert", "restart"):
            expert = self._random.choice(self._experts)
            return None if expert.silent else _silence(expert, kind == "restart")
        account = self._random.choice(self._accounts)
        if account.down or not account.connected or not account.trade_allowed:
            return None
        return {"broker": _lose_broker, "algo": _switch_off, "terminal": _stop_terminal}[kind](account)


def _silence(expert: SimulatedExpert, restarts: bool) -> Callable[[], None]:
    expert.silent = True

    def end() -> None:
        expert.silent = False
        if restarts:
            expert.restart()

    return end


def _lose_broker(account: SimulatedAccount) -> Callable[[], None]:
    account.lose_connection()
    return account.connect


def _switch_off(account: SimulatedAccount) -> Callable[[], None]:
    account.trade_allowed = False

    def end() -> None:
        account.trade_allowed = True

    return end


def _stop_terminal(account: SimulatedAccount) -> Callable[[], None]:
    account.down = True

    def end() -> None:
        account.down = False

    return end
