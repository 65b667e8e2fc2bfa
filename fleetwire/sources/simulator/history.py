"""What the simulated fleet did before anybody looked: some closed trades of each expert, an hour or so apart."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

from fleetwire.fleet.events import DealReport
from fleetwire.sources.simulator.account import Held
from fleetwire.sources.simulator.brokers import HOUR_MS
from fleetwire.sources.simulator.experts import BOLD, SimulatedExpert

_HOURS_MAX: Final = 24 * 8  # a week and a weekend back at most
_OPENS_MS, _LASTS_MS = (0, 1_700_000), (60_000, 1_700_000)  # within one hour, so that no midnight is passed
_EDGE: Final = 1.2  # wins come so much more often than chance has it


class _Trade(NamedTuple):
    """A trade to be made up."""

    opened_ms: int
    closed_ms: int
    expert: SimulatedExpert
    direction: int
    won: bool
    part: float  # of the stop, or of the target, that was reached


def past(experts: Sequence[SimulatedExpert], until_ms: int, trades: int, random: Random) -> Iterator[DealReport]:
    """Make up closed trades, the newest an hour before `until_ms` (UTC), in the order in which they happened.

    The clocks of the trade servers are left where the last deal was.
    """
    made = [trade for expert in experts for trade in _trades(expert, until_ms, trades, random)]
    moments = [(trade.opened_ms, number, trade) for number, trade in enumerate(made)]
    moments += [(trade.closed_ms, number, trade) for number, trade in enumerate(made)]
    open_now: dict[int, Held] = {}
    for utc_ms, number, trade in sorted(moments, key=lambda moment: moment[:2]):
        account = trade.expert.account
        account.server.move_to(utc_ms)
        held = open_now.pop(number, None)
        if held is None:
            open_now[number] = _open(trade)
        else:
            _close(trade, held)
        yield from account.tell_deals()


def _trades(expert: SimulatedExpert, until_ms: int, count: int, random: Random) -> Iterator[_Trade]:
    """Choose when to trade: in hours in which the symbol was open, back from the last one."""
    server, found = expert.account.server, 0
    last_hour = until_ms // HOUR_MS * HOUR_MS - HOUR_MS
    for hour_ms in range(last_hour, last_hour - _HOURS_MAX * HOUR_MS, -HOUR_MS):
        clock = server.broker.clock(hour_ms)
        if not all(server.was_open(expert.symbol, at) for at in (clock, clock + HOUR_MS - 1)):
            continue
        opened = hour_ms + random.randrange(*_OPENS_MS)
        won = random.random() < min(0.9, _EDGE / (1 + (expert.strategy.reward or 1.0)))
        closed = opened + random.randrange(*_LASTS_MS)
        yield _Trade(opened, closed, expert, random.choice((-1, 1)), won, random.uniform(0.6, 1.1))
        found += 1
        if found == count:
            return


def _open(trade: _Trade) -> Held:
    expert, quote = trade.expert, trade.expert.quote
    price = quote.ask if trade.direction > 0 else quote.bid
    return expert.account.enter_at(expert.owner, expert.symbol, trade.direction, expert.volume(), price, "expert")


def _close(trade: _Trade, held: Held) -> None:
    strategy, expert = trade.expert.strategy, trade.expert
    stop = held.price_open * (strategy.stop or 4e-3) * (1.0 if strategy is BOLD else expert.scale)
    move = stop * trade.part * ((strategy.reward or 1.0) if trade.won else -1.0) * trade.direction
    price = round(held.price_open + move, held.quote.symbol.digits)
    ended = ("tp" if trade.won else "sl") if trade.part >= 1.0 else "expert"
    expert.account.leave_at(held, held.volume, price, ended)
