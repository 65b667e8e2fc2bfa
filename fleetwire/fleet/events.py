"""The facts a source may report. Field names are MetaTrader's own (account, position and deal properties of MQL5)."""

from msgspec import Struct


class Account(Struct, frozen=True, kw_only=True):
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


class ExpertId(Struct, frozen=True):
    """Who an expert is: on which account, and by which magic, symbol and name."""

    server: str
    login: int
    magic: int
    symbol: str
    name: str


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
