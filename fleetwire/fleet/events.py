"""The facts a source may report. Field names are MetaTrader's own (account, position and deal properties of MQL5).

Bounds stand at the types: what is decoded into these Structs is finite, and has no negative volume and no ticket 0.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

TRADE_TYPES: Final = frozenset({"buy", "sell"})
"""The types of deals that trade; all others only move money."""
_COSTS: Final = ("commission", "charge", "agent", "interest", "dividend", "tax", "canceled")
# Words in the types of deals that book costs and yields apart from trades: "commission_daily", "franked dividend".
CLOSING: Final = frozenset({"out", "in/out", "out by"})
"""The entries of deals that close a position, or a part of one."""

Money = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""An amount in some currency; NaN and infinity are outside its bounds."""
Price = Annotated[float, Meta(ge=0, le=1e12)]
"""A price, or 0 for none."""
Lots = Annotated[float, Meta(ge=0, le=1e9)]
"""A volume in lots."""
Ticket = Annotated[int, Meta(gt=0, le=2**63 - 1)]
"""The number of a position, a deal or an order."""
Login = Annotated[int, Meta(gt=0, le=2**63 - 1)]
"""The number of an account."""
Magic = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What an expert stamps on its orders; 0 is nobody's."""
Msc = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Milliseconds since 1970 on the trade server's clock, which is not UTC."""
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(max_length=256)]
Symbol = Annotated[str, Meta(min_length=1, max_length=64)]
Currency = Annotated[str, Meta(min_length=1, max_length=16)]
Side = Annotated[str, Meta(pattern="^(buy|sell)$")]
Entry = Annotated[str, Meta(pattern="^(in|out|in/out|out by|)$")]


class ExpertId(Struct, frozen=True):
    """Who an expert is: on which account, and by which magic, symbol and name."""

    server: Name
    login: Login
    magic: Magic
    symbol: Annotated[str, Meta(max_length=64)]
    name: Name


class Terminal(Struct, frozen=True, kw_only=True):
    """What a terminal knows of itself (MQL5: TerminalInfo*, TimeTradeServer, TimeGMT).

    `id` tells two terminals on one account apart. `connected` is the broker's connection (TERMINAL_CONNECTED),
    `trade_allowed` the button for algorithmic trading (TERMINAL_TRADE_ALLOWED). `time_msc` is the trade server's clock
    as the terminal shows it, `time_gmt_msc` the terminal's own idea of UTC: the two together tell the broker's offset,
    whatever the terminal's clock is worth.
    """

    id: Text = ""
    name: Text = ""
    build: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    connected: bool = True
    trade_allowed: bool = True
    ping_ms: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    time_msc: Msc | None = None
    time_gmt_msc: Msc | None = None


class Position(Struct, frozen=True, kw_only=True):
    """One open position (MQL5: PositionGet*).

    `volume` in lots; `profit` and `swap` in the account's currency. `identifier` is the id that its deals carry as
    `position_id`; 0 means the ticket.
    """

    ticket: Ticket
    time_msc: Msc
    type: Side
    magic: Magic = 0
    identifier: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    reason: Text = ""
    volume: Lots
    price_open: Price
    price_current: Price = 0.0
    sl: Price = 0.0
    tp: Price = 0.0
    swap: Money = 0.0
    profit: Money = 0.0
    symbol: Symbol
    comment: Text = ""

    @property
    def position_id(self) -> int:
        """What its deals call it."""
        return self.identifier or self.ticket


class Deal(Struct, frozen=True, kw_only=True):
    """One deal (MQL5: HistoryDealGet*): money moved.

    `time_msc` is the trade server's clock in milliseconds since 1970, not UTC. `type` is `buy`, `sell`, `balance`,
    `credit`, `correction`, ...; `entry` is `in`, `out`, `in/out` or `out by`, and empty where the deal is no trade.
    `volume` in lots; `commission`, `swap`, `fee` and `profit` in the account's currency, costs below zero.
    """

    ticket: Ticket
    order: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    time_msc: Msc
    type: Annotated[str, Meta(min_length=1, max_length=32)]
    entry: Entry = ""
    magic: Magic = 0
    position_id: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    reason: Text = ""
    volume: Lots = 0.0
    price: Price = 0.0
    commission: Money = 0.0
    swap: Money = 0.0
    fee: Money = 0.0
    profit: Money = 0.0
    symbol: Annotated[str, Meta(max_length=64)] = ""
    comment: Text = ""

    @property
    def amount(self) -> float:
        """What it moved the balance by."""
        return self.profit + self.commission + self.swap + self.fee

    @property
    def is_paid(self) -> bool:
        """Whether it is money from outside, or to there; costs that a broker books apart from trades are not."""
        return self.type not in TRADE_TYPES and not any(word in self.type for word in _COSTS)


class Account(Struct, frozen=True, kw_only=True, tag="account_report"):
    """What a terminal knows of its account (MQL5: AccountInfo*).

    Money is in `currency`; `margin_level` in percent, absent while no margin is used. `margin_so_call` and
    `margin_so_so` are the levels of the margin call and the stop out, in percent. `is_history` is
    for what a file tells: it is no sign of life, and what a terminal has said itself goes before it.
    """

    server: Name
    login: Login
    name: Text = ""
    company: Text = ""
    currency: Currency
    leverage: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    balance: Money = 0.0
    credit: Money = 0.0
    profit: Money = 0.0
    equity: Money = 0.0
    margin: Money = 0.0
    margin_free: Money = 0.0
    margin_level: Money | None = None
    margin_so_call: Money = 0.0
    margin_so_so: Money = 0.0
    trade_allowed: bool = True
    trade_expert: bool = True
    terminal: Terminal | None = None
    is_history: bool = False


class AccountPositions(Struct, frozen=True, kw_only=True, tag="positions_report"):
    """All open positions of an account, whoever opened them. It is full: a position that it does not list is closed."""

    server: Name
    login: Login
    positions: tuple[Position, ...]


class CommandOutcome(Struct, frozen=True, kw_only=True):
    """What an expert knows of a command that it was given."""

    command_id: Annotated[str, Meta(min_length=1, max_length=64)]
    status: Annotated[str, Meta(pattern="^(accepted|executed|partial|rejected|failed|expired)$")]
    results: dict[str, Any] = {}


class CommandAck(Struct, frozen=True, kw_only=True, tag="command_ack"):
    """What an expert says of a command: that it has it (`accepted`), or how it ended.

    `ea_id` is who says so; it may be left out where a connection, or a report, is of one expert. `boot_id` is the run
    that says so. `results` are return codes, tickets, texts: whatever tells what was done.
    """

    command_id: Annotated[str, Meta(min_length=1, max_length=64)]
    status: Annotated[str, Meta(pattern="^(accepted|executed|partial|rejected|failed|expired)$")]
    results: dict[str, Any] = {}
    boot_id: Text = ""
    ea_id: Annotated[int, Meta(gt=0, le=2**63 - 1)] | None = None


class ExpertReport(Struct, frozen=True, kw_only=True, tag="ea_report"):
    """What an expert is doing now. It is full: a position that it does not list is closed.

    `ea_id` is the id by which the expert wants to be known; the fleet grants it while nobody else owns it. `boot_id`
    tells one run of it from the next. `positions` is None where the account's own list tells them (`AccountPositions`).
    `trade_allowed` is MQL_TRADE_ALLOWED. `interval_s` is how often it means to report. `is_history` as in `Account`.
    `supports` are the commands that it can carry out; None where it does not say. `commands` is what it knows of the
    commands that it was ever given: what is not among them it never began with; None where it does not say.
    """

    expert: ExpertId
    ea_id: Annotated[int, Meta(gt=0, le=2**63 - 1)] | None = None
    boot_id: Text = ""
    status: Annotated[str, Meta(min_length=1, max_length=32)] = "active"
    strategy_tag: Text = ""
    group: Text = ""
    timeframe: Annotated[str, Meta(max_length=16)] = ""
    positions: tuple[Position, ...] | None = ()
    trailing_active: bool = False
    module_status: dict[str, str] = {}
    paused: bool = False
    trade_allowed: bool = True
    interval_s: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    terminal: Terminal | None = None
    is_history: bool = False
    supports: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=64)] | None = None
    commands: Annotated[tuple[CommandOutcome, ...], Meta(max_length=1000)] | None = None


class DealReport(Struct, frozen=True, kw_only=True, tag="deal"):
    """A deal. Known by account and ticket: told twice, it counts once.

    `expert` is who made it. Without it, `server` and `login` name the account, and the fleet finds out who it belongs
    to: by its position, else by its magic and symbol. A deal of nobody's is one made by hand.
    """

    expert: ExpertId | None = None
    ea_id: Annotated[int, Meta(gt=0, le=2**63 - 1)] | None = None
    server: Annotated[str, Meta(max_length=128)] = ""
    login: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    deal: Deal

    @property
    def account(self) -> tuple[str, int]:
        """(server, login) of the account."""
        return (self.expert.server, self.expert.login) if self.expert is not None else (self.server, self.login)


class Session(Struct, frozen=True):
    """When a symbol trades (MQL5: SymbolInfoSessionTrade): `day` is 0 for Sunday; seconds of the trade server's day."""

    day: Annotated[int, Meta(ge=0, le=6)]
    from_s: Annotated[int, Meta(ge=0, le=86_400)]
    to_s: Annotated[int, Meta(ge=0, le=86_400)]


class PriceReport(Struct, frozen=True, kw_only=True, tag="price_report"):
    """A symbol's price, and what the symbol is (MQL5: SymbolInfo*).

    `server` is the trade server whose symbol it is. `contract_size` is units in one lot. `sessions` are all of the
    week's; None where they are not told, empty for a symbol that does not trade.
    """

    server: Name
    symbol: Symbol
    bid: Price
    ask: Price
    time_msc: Msc | None = None
    digits: Annotated[int, Meta(ge=0, le=16)] | None = None
    contract_size: Annotated[float, Meta(ge=0, le=1e12)] = 0.0
    currency_base: Annotated[str, Meta(max_length=16)] = ""
    currency_profit: Annotated[str, Meta(max_length=16)] = ""
    sessions: tuple[Session, ...] | None = None


class NewsEvent(Struct, frozen=True, kw_only=True, tag="news_report"):
    """One event of the economic calendar.

    When it is: `time_utc` (ISO 8601), or `time_msc` on the clock of the trade server `server` (MQL5's calendar).
    """

    id: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(min_length=1, max_length=256)]
    time_utc: Annotated[str, Meta(max_length=40)] = ""
    time_msc: Msc | None = None
    server: Annotated[str, Meta(max_length=128)] = ""
    login: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    currency: Annotated[str, Meta(max_length=16)]
    importance: Annotated[str, Meta(pattern="^(none|low|moderate|high)$")]
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    actual: Money | Text | None = None
    forecast: Money | Text | None = None
    previous: Money | Text | None = None
    source: Text = ""


class CommandReport(Struct, frozen=True, kw_only=True, tag="command_report"):
    """A step in a command's life, as the expert or the command centre tells it."""

    command_id: int | str
    ea_id: int
    command: str
    status: str
    params: dict[str, Any] = {}
    reason: str = ""
    results: dict[str, Any] = {}


Fact = Account | AccountPositions | ExpertReport | DealReport | PriceReport | NewsEvent | CommandReport | CommandAck
