"""What tests of the fleet share: a moment, and facts that are quick to write."""

from typing import Any

from fleetwire.fleet.changes import Change, ExpertChanged
from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, Fact, Position, Terminal
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.state import Fleet
from fleetwire.wire.moment import Moment, moment, read_utc

UTC = "2026-11-23T13:30:00.000Z"  # a Monday
NOW_MS = read_utc(UTC)
DAY_MS = 86_400_000
TODAY = NOW_MS // DAY_MS
LONDON = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout")
GRID = ExpertId("Broker-Demo", 6, 12345, "EURUSD", "Grid")


def at(seconds: float = 0.0) -> Moment:
    """Some seconds after `UTC`, on both clocks."""
    return moment(1000.0 + seconds, NOW_MS + round(seconds * 1000))


def account(login: int = 5, currency: str = "USD", equity: float = 1000.0, **fields: Any) -> Account:
    known = {"balance": equity, **fields}
    return Account(server="Broker-Demo", login=login, currency=currency, equity=equity, **known)


def terminal(seconds: float = 0.0, offset_s: int = 0, **fields: Any) -> Terminal:
    """A terminal that tells its time: the server's, `offset_s` ahead of UTC, and its own."""
    now_ms = NOW_MS + round(seconds * 1000)
    return Terminal(time_msc=now_ms + offset_s * 1000, time_gmt_msc=now_ms, **fields)


def position(ticket: int = 1, profit: float = 0.0, **fields: Any) -> Position:
    known = {"time_msc": NOW_MS, "type": "buy", "volume": 0.1, "price_open": 1.08, "symbol": "EURUSD", **fields}
    return Position(ticket=ticket, profit=profit, **known)


def report(expert: ExpertId = LONDON, *positions: Position, **fields: Any) -> ExpertReport:
    return ExpertReport(expert=expert, positions=positions, **fields)


def deal(ticket: int, profit: float = 0.0, **fields: Any) -> Deal:
    known = {"time_msc": NOW_MS - 60_000 + ticket, "type": "sell", "entry": "out", "volume": 0.1, "symbol": "EURUSD"}
    return Deal(ticket=ticket, profit=profit, **(known | fields))


def traded(ticket: int, profit: float = 0.0, expert: ExpertId = LONDON, **fields: Any) -> DealReport:
    return DealReport(expert=expert, deal=deal(ticket, profit, **fields))


def tell(fleet: Fleet, *facts: Fact, when: Moment | None = None) -> list[Change]:
    """Apply a batch, and end it."""
    when = when or at()
    changes = [change for fact in facts for change in fleet.apply(fact, when)]
    return [*changes, *fleet.settle(when)]


def fleet_of(*facts: Fact) -> Fleet:
    fleet = Fleet()
    tell(fleet, *facts)
    return fleet


def portfolio_of(fleet: Fleet, convert_to: str = "") -> Portfolio:
    portfolio = Portfolio(fleet, convert_to)
    for each in fleet.experts.values():
        portfolio.changed(each)
    return portfolio


def experts_in(changes: list[Change]) -> list[int]:
    return [change.expert.ea_id for change in changes if isinstance(change, ExpertChanged)]
