"""The facts a source may report. Field names are MetaTrader's own (account, position and deal properties of MQL5)."""

from typing import Any, Final

from msgspec import Struct

TRADE_TYPES: Final = frozenset({"buy", "sell"})
"""The types of deals that trade; all others only move money."""
CLOSING: Final = frozenset({"out", "in/out", "out by"})
"""The entries of deals that close a position, or a part of one."""


class ExpertId(Struct, frozen=True):
    """Who an expert is: on which account, and by which magic, symbol and name."""

    server: str
    login: int
    magic: int
    symbol: str
    name: str


class Position(Struct, frozen=True, kw_only=True):
    """One open position (MQL5: PositionGet*).

    `type` is `buy` or `sell`; `volume` in lots; `profit` and `swap` in the account's currency.
    """

    ticket: int
    time_msc: int
    type: str
    magic: int = 0
    identifier: int = 0
    volume: float
    price_open: float
    price_current: float = 0.0
    sl: float = 0.0
    tp: float = 0.0
    swap: float = 0.0
    profit: float = 0.0
    symbol: str
    comment: str = ""


class Deal(Struct, frozen=True, kw_only=True):
    """One deal (MQL5: HistoryDealGet*): money moved.

    `time_msc` is the trade server's clock in milliseconds since 1970, not UTC. `type` is `buy`, `sell`, `balance`,
    `credit`, `correction`, ...; `entry` is `in`, `out`, `in/out` or `out by`, and empty where the deal is no trade.
    `volume` in lots; `commission`, `swap`, `fee` and `profit` in the account's currency, costs below zero.
    """

    ticket: int
    order: int = 0
    time_msc: int
    type: str
    entry: str = ""
    magic: int = 0
    position_id: int = 0
    volume: float = 0.0
    price: float = 0.0
    commission: float = 0.0
    swap: float = 0.0
    fee: float = 0.0
    profit: float = 0.0
    symbol: str = ""
    comment: str = ""


class Account(Struct, frozen=True, kw_only=True, tag="account_report"):
    """What a terminal knows of its account (MQL5: AccountInfo*).

    Money is in `currency`; `margin_level` in percent, absent while no margin is used.
    """

    server: str
    login: int
    name: str = ""
    company: str = ""
    currency: str
    leverage: int = 0
    balance: float = 0.0
    credit: float = 0.0
    profit: float = 0.0
    equity: float = 0.0
    margin: float = 0.0
    margin_free: float = 0.0
    margin_level: float | None = None
    trade_allowed: bool = True
    trade_expert: bool = True


class ExpertReport(Struct, frozen=True, kw_only=True, tag="ea_report"):
    """What an expert is doing now. It is full: a position that it does not list is closed.

    `ea_id` is the id by which the expert wants to be known; the fleet grants it while nobody else owns it.
    """

    expert: ExpertId
    ea_id: int | None = None
    status: str = "active"
    strategy_tag: str = ""
    timeframe: str = ""
    positions: tuple[Position, ...] = ()
    trailing_active: bool = False
    module_status: dict[str, str] = {}
    paused: bool = False


class DealReport(Struct, frozen=True, kw_only=True, tag="deal"):
    """A deal that an expert made. Known by account and ticket: told twice, it counts once."""

    expert: ExpertId
    ea_id: int | None = None
    deal: Deal


class NewsEvent(Struct, frozen=True, kw_only=True, tag="news_report"):
    """One event of the economic calendar. `importance` is `none`, `low`, `moderate` or `high`."""

    id: int | str
    time_utc: str
    currency: str
    importance: str
    name: str
    actual: float | str | None = None
    forecast: float | str | None = None
    previous: float | str | None = None
    source: str = ""


class CommandReport(Struct, frozen=True, kw_only=True, tag="command_report"):
    """A step in a command's life, as the expert or the command centre tells it."""

    command_id: int | str
    ea_id: int
    command: str
    status: str
    params: dict[str, Any] = {}
    reason: str = ""
    results: dict[str, Any] = {}


Fact = Account | ExpertReport | DealReport | NewsEvent | CommandReport
