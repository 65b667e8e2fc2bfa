"""The simulated experts: when they come in, and what they do with what they hold."""

from math import exp
from random import Random
from typing import Any, Final

from msgspec import Struct

from fleetwire.fleet.events import ExpertId, ExpertReport
from fleetwire.sources.simulator.account import LOT_STEP, Held, Owner, SimulatedAccount
from fleetwire.sources.simulator.market import Market, Quote

_SEES_THE_TREND: Final = 0.68  # how often an expert is right about it
_LOTS: Final = (0.4, 0.8, 0.8, 1.2)  # values of a position, in balances, for what is as restless as EURUSD
_CALM: Final = 1.4e-5
_PART_S, _REVERSE_S, _CLOSE_BY_S, _TIRED_S, _ADD_S = 4000.0, 6000.0, 1500.0, 6000.0, 3000.0  # one in so many seconds


class Strategy(Struct, frozen=True):
    """How an expert trades.

    Args:
        name: for people.
        timeframe: of its chart.
        entry_s: it comes in once in so many seconds.
        positions_max: open at once.
        stop: distance of the stop loss, as a part of the price, for what is as restless as EURUSD; 0 for none.
        reward: distance of the take profit, in stops.
        both_ways: whether it holds bought and sold positions at once.
        trails: whether its stop loss follows the price.
    """

    name: str
    timeframe: str
    entry_s: float
    positions_max: int
    stop: float
    reward: float
    both_ways: bool = False
    trails: bool = False


STRATEGIES: Final = (
    Strategy("London Breakout", "M15", 700, 1, 8e-4, 2.0),
    Strategy("Grid", "M5", 400, 5, 18e-4, 0.5, both_ways=True),
    Strategy("Trend Rider", "H1", 1000, 2, 16e-4, 3.0, trails=True),
    Strategy("Mean Reversion", "M5", 500, 2, 7e-4, 1.0),
    Strategy("Night Scalper", "M1", 250, 1, 4e-4, 1.2),
)
BOLD: Final = Strategy("All On Waves", "M30", 60, 1, 0.0, 0.0)
"""Bets twice the account's money without a stop loss, and waits until it is in the money again."""
_BOLD_LOTS: Final = 1.9
_BOLD_TARGET: Final = 0.02  # of the price


SUPPORTS: Final = ("pause", "resume", "close_all", "close_positions", "close_position", "emergency_stop")
"""What simulated experts can be told."""
_OBEYED_MAX: Final = 1000
"""Commands that one of them remembers."""


class SimulatedExpert:
    """One expert on one account.

    Args:
        account: where it trades.
        magic: stamps its orders.
        quote: what it trades.
        strategy: how.
        market: in which it sees trends.
        random: decides.
        interval_s: how often it means to report.
    """

    def __init__(
        self,
        account: SimulatedAccount,
        magic: int,
        quote: Quote,
        strategy: Strategy,
        market: Market,
        random: Random,
        interval_s: float,
    ) -> None:
        self.account = account
        self.strategy = strategy
        self.quote = quote
        self._spec = quote.symbol
        self._market = market
        self._random = random
        self.symbol = quote.symbol.name
        self.expert = ExpertId(account.server.name, account.login, magic, self.symbol, strategy.name)
        self.ea_id = magic
        self.owner = Owner(self.expert, magic, strategy.name)
        self.paused = False
        self.silent = False  # stuck: it neither trades nor reports
        self._runs = 1
        self._obeyed: dict[str, tuple[str, dict[str, Any]]] = {}
        self._interval_s = interval_s
        self.scale = max(1.0, self._spec.unrest / _CALM)

    def restart(self) -> None:
        """Begin a new run."""
        self._runs += 1

    @property
    def is_present(self) -> bool:
        """Whether it reports and takes commands: it is not stuck, and its terminal runs."""
        return not self.silent and not self.account.down

    @property
    def boot_id(self) -> str:
        """Which run this is."""
        return f"{self.ea_id:x}-{self._runs}"

    def live(self, seconds: float) -> None:
        """Live for some seconds: stops work at the trade server, everything else only while the expert can."""
        account = self.account
        account.watch_stops(self.owner)
        able = account.connected and account.trade_allowed and not account.down and not self.silent
        if not able or not self.quote.is_open:
            return
        held = [held for held in account.held if held.owner is self.owner]
        if self.strategy is BOLD:
            self._live_boldly(held, seconds)
            return
        if held:
            self._tend(held, seconds)
        if not self.paused:
            self._come_in(held, seconds)

    def obey(self, command_id: str, command: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Carry a command out: give its status, and what came of it. One that was done before is not done again."""
        if command_id not in self._obeyed:
            if len(self._obeyed) >= _OBEYED_MAX:
                del self._obeyed[next(iter(self._obeyed))]
            self._obeyed[command_id] = self._carry_out(command, params)
        return self._obeyed[command_id]

    def recall(self, command_id: str, command: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Tell what became of a command that was begun, and do nothing: from memory, else by how the account looks."""
        return self._obeyed.get(command_id) or self._look_at(command, params)

    def _carry_out(self, command: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if command in ("pause", "resume"):
            self.paused = command == "pause"
            return "executed", {"paused": self.paused}
        if command == "emergency_stop":
            self.paused = True
        held, closes = self._meant(params), _closes(command, params)
        if not closes or not self.account.connected or not self.quote.is_open:
            why = "left open" if not closes else "the market is closed, or there is no connection"
            return "executed" if not closes else "failed", {"positions": len(held), "note": why}
        for one in held:
            self.account.leave(one, one.volume, "expert")
        return "executed", {"closed": [one.ticket for one in held], "retcode": 10009}

    def _look_at(self, command: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        results: dict[str, Any] = {"paused": self.paused, "interrupted": True}
        if command in ("pause", "resume"):
            return "executed" if self.paused == (command == "pause") else "failed", results
        left = [one.ticket for one in self._meant(params)] if _closes(command, params) else []
        done = not left and (self.paused or command != "emergency_stop")
        return "executed" if done else "partial", {**results, "open": left}

    def _meant(self, params: dict[str, Any]) -> list[Held]:
        """Give its positions that meet the conditions of a closing command."""
        account = self.account
        held = [one for one in account.held if one.owner is self.owner]
        return [one for one in held if _is_meant(one, account.profit(one), params)]

    def report(self) -> ExpertReport:
        """Say what the expert would on its timer."""
        account = self.account
        return ExpertReport(
            expert=self.expert,
            ea_id=self.ea_id,
            boot_id=self.boot_id,
            status="paused" if self.paused else "active",
            strategy_tag=self.strategy.name,
            timeframe=self.strategy.timeframe,
            positions=account.positions_of(self.owner),
            trailing_active=self.strategy.trails,
            module_status={"signal": "ok", "risk": "ok", "news_filter": "ok"},
            paused=self.paused,
            trade_allowed=account.trade_allowed,
            interval_s=self._interval_s,
            supports=SUPPORTS,
            terminal=account.terminal(),
        )

    # ------------------------------------------------------------------------------------------------ what it decides

    def _happens(self, seconds: float, once_in_s: float) -> bool:
        return self._random.random() < 1 - exp(-seconds / once_in_s)

    def _come_in(self, held: list[Held], seconds: float) -> None:
        positions_max = 1 if self.account.netting else self.strategy.positions_max
        if len(held) >= positions_max or not self._happens(seconds, self.strategy.entry_s):
            return
        direction = self._direction()
        if held and not self.strategy.both_ways:
            direction = held[0].direction
        self._enter(direction)

    def _enter(self, direction: int) -> None:
        opened = self.account.enter(self.owner, self.symbol, direction, self.volume(), "expert")
        if opened is not None:
            self._set_stops(opened)

    def _add_to(self, held: Held) -> None:
        if self.account.enter(self.owner, self.symbol, held.direction, self.volume(), "expert") is not None:
            self._set_stops(held)

    def _tend(self, held: list[Held], seconds: float) -> None:
        """Look after what is open; at most one thing is done at a time."""
        for one in held:
            if self.strategy.trails:
                self._trail(one)
        one = held[int(self._random.random() * len(held))]
        if len(held) > 1 and self._closes_by(held, seconds):
            return
        if self._happens(seconds, _TIRED_S):
            self.account.leave(one, one.volume, "expert")
        elif self._happens(seconds, _PART_S):
            part = max(LOT_STEP, int(one.volume * 50) / 100)
            if part < one.volume:
                self.account.leave(one, part, "expert")
        elif self.account.netting and not self.paused:
            if self._happens(seconds, _REVERSE_S):
                if self.account.reverse(one, self.volume()):
                    self._set_stops(one)
            elif self._happens(seconds, _ADD_S) and one.volume < 4 * self.volume():
                self._add_to(one)

    def _closes_by(self, held: list[Held], seconds: float) -> bool:
        other = next((one for one in held if one.direction != held[0].direction), None)
        if other is None or not self._happens(seconds, _CLOSE_BY_S):
            return False
        self.account.close_by(held[0], other)
        return True

    def _live_boldly(self, held: list[Held], seconds: float) -> None:
        if held:
            gain = (self.quote.bid / held[0].price_open - 1) * held[0].direction
            if gain > _BOLD_TARGET:
                self.account.leave(held[0], held[0].volume, "expert")
        elif not self.paused and self._happens(seconds, self.strategy.entry_s):
            self.account.enter(self.owner, self.symbol, 1, self.volume(), "expert")

    def _direction(self) -> int:
        trend = self._market.trends[self.symbol]
        if trend and self._random.random() < _SEES_THE_TREND:
            return trend
        return -trend or self._random.choice((-1, 1))

    def volume(self) -> float:
        """Choose the volume of a position, in lots."""
        if self.strategy is BOLD:
            return self.account.lots(self.symbol, _BOLD_LOTS)
        return self.account.lots(self.symbol, self._random.choice(_LOTS) / self.scale)

    def _set_stops(self, held: Held) -> None:
        away = held.price_open * self.strategy.stop * self.scale
        digits = self._spec.digits
        held.sl = round(held.price_open - held.direction * away, digits)
        held.tp = round(held.price_open + held.direction * away * self.strategy.reward, digits)

    def _trail(self, held: Held) -> None:
        away = held.price_open * self.strategy.stop * self.scale
        stop = round(held.quote.at(held.direction) - held.direction * away, self._spec.digits)
        if (stop - held.sl) * held.direction > 0:
            held.sl = stop


def _closes(command: str, params: dict[str, Any]) -> bool:
    """Tell whether a command closes positions: an emergency stop does unless it says that it does not."""
    return command in ("close_all", "close_positions", "close_position") or bool(params.get("close", True))


def _is_meant(held: Held, profit: float, params: dict[str, Any]) -> bool:
    """Tell whether a position meets the conditions of a closing command."""
    side = "buy" if held.direction > 0 else "sell"
    result = "profit" if profit > 0 else "loss"
    said = {"ticket": held.ticket, "symbol": held.quote.symbol.name, "type": side, "result": result}
    return all(said[name] == wanted for name, wanted in params.items() if name in said)
