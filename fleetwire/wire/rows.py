"""What rows look like: the `data` of what the fleet tells, and what the API lists. What does not exist is left out.

Money is in the row's `currency`, volumes in lots, percentages in percent. `*_msc` and `*_server` are the trade server's
clock, `*_utc` is UTC. No age is ever sent: a reader computes it from `as_of` and the server's time.
"""

from typing import Any

from msgspec import Struct


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The root of all rows: what is None is left out."""


class DealRow(Row, frozen=True, kw_only=True):
    """A deal: the data of a `trade_update`. One made by hand has no `ea_id`; without a known offset no `time_utc`."""

    ea_id: int | None = None
    symbol: str
    name: str | None = None
    ticket: int
    order: int
    time_msc: int
    type: str
    entry: str
    magic: int
    position_id: int
    reason: str
    volume: float
    price: float
    commission: float
    swap: float
    fee: float
    profit: float
    comment: str
    time_server: str
    time_utc: str | None = None
    server: str | None = None
    login: int | None = None


class ExpertRow(Row, frozen=True, kw_only=True):
    """What an expert does: the data of an `ea_update`.

    `status` is what the expert said (`active`, `paused`, ...), or `stale` or `lost` once it has been silent for too
    long, or `history` where all that is known of it is from a file. `link` is `fresh`, `late`, `stale` or `lost`; `why`
    says what is in the way: `expert_stopped`, `algo_trading_off`, `terminal_down`, `broker_connection_lost` or
    `market_closed`. `trading_blocked` is true inside a news blackout of its symbol, until `blocked_until_utc`.
    """

    ea_id: int
    symbol: str
    status: str
    current_profit: float
    name: str
    currency: str
    drawdown_pct: float
    magic: int
    server: str
    login: int
    strategy_tag: str
    group: str
    timeframe: str
    open_positions: int
    volume: float
    sl_value: float | None = None
    tp_value: float | None = None
    trailing_active: bool
    module_status: dict[str, str]
    performance_metrics: dict[str, float | int]
    net_profit: float
    profit_today: float
    last_trades: list[DealRow]
    paused: bool
    link: str
    why: str | None = None
    trading_blocked: bool
    blocked_until_utc: str | None = None
    last_report_utc: str
    last_report_server: str | None = None
    terminal: str | None = None
    boot_id: str | None = None
    coc_override: str | None = None


class Sums(Row, frozen=True, kw_only=True):
    """The sums of the accounts of one currency, and of their experts.

    `profit_today` is closed since the broker's midnight, `daily_result` the change of the equity since then without
    what was paid in or out. `drawdown_pct` is the fall from `peak_equity`, deposits moving both alike.
    """

    total_profit: float
    drawdown_pct: float
    currency: str
    net_profit: float
    profit_today: float
    daily_result: float
    balance: float
    equity: float
    peak_equity: float
    margin: float
    margin_free: float
    margin_level: float | None = None


class Group(Row, frozen=True, kw_only=True):
    """Some experts together; money by currency."""

    eas: int
    positions: int
    profit: dict[str, float]
    net_profit: dict[str, float]


class Manual(Row, frozen=True, kw_only=True):
    """Open positions that no expert owns; profit by currency."""

    positions: int
    profit: dict[str, float]


class PortfolioRow(Row, frozen=True, kw_only=True):
    """What the experts do together: the data of a `portfolio_update`; always the sum of the `ea_update`s before it.

    Money stands at the top only where all accounts share one currency, and always in `by_currency`; `converted` is all
    of it in one currency, where a source has given the rates. `exposure_by_symbol` is in lots, `exposure_by_currency`
    in units of the currency; sold below zero. `links` counts experts by their link. `trading_blocked` lists symbols.
    """

    total_profit: float | None = None
    active_eas: int
    drawdown_pct: float | None = None
    currency: str | None = None
    net_profit: float | None = None
    profit_today: float | None = None
    daily_result: float | None = None
    balance: float | None = None
    equity: float | None = None
    peak_equity: float | None = None
    margin: float | None = None
    margin_free: float | None = None
    margin_level: float | None = None
    portfolio: str
    total_eas: int
    total_positions: int
    links: dict[str, int]
    exposure_by_symbol: dict[str, float]
    exposure_by_currency: dict[str, float]
    breakdown: dict[str, dict[str, Group]]
    by_currency: dict[str, Sums]
    converted: Sums | None = None
    manual: Manual | None = None
    trading_blocked: list[str]


class AccountRow(Row, frozen=True, kw_only=True):
    """An account, as the API lists it. `limits` tells the headroom to each limit that is set for it.

    `margin_so_call` and `margin_so_so` are the broker's levels of the margin call and the stop out, in percent.
    """

    account: str
    server: str
    login: int
    name: str
    company: str
    currency: str
    leverage: int
    balance: float
    credit: float
    profit: float
    equity: float
    margin: float
    margin_free: float
    margin_level: float | None = None
    margin_so_call: float | None = None
    margin_so_so: float | None = None
    trade_allowed: bool
    trade_expert: bool
    link: str
    why: str | None = None
    profit_today: float
    daily_result: float
    daily_result_pct: float | None = None
    day_open_balance: float
    day_open_equity: float
    drawdown_pct: float
    peak_equity: float
    deposits: float
    utc_offset_s: int | None = None
    clock_skew_s: float | None = None
    limits: dict[str, float] | None = None
    experts: int
    open_positions: int
    as_of: str


class TerminalRow(Row, frozen=True, kw_only=True):
    """A terminal, as the API lists it."""

    terminal: str
    account: str
    name: str
    build: int
    connected: bool
    trade_allowed: bool
    ping_ms: float | None = None
    link: str
    why: str | None = None
    clock_skew_s: float | None = None
    as_of: str


class PositionRow(Row, frozen=True, kw_only=True):
    """An open position, as the API lists it. `ea_id` is absent for one opened by hand.

    `exposure` is what it adds to each currency, in units of it, sold below zero; absent where it is not known what the
    symbol is.
    """

    ea_id: int | None = None
    account: str
    currency: str
    ticket: int
    position_id: int
    symbol: str
    type: str
    volume: float
    price_open: float
    price_current: float
    sl: float
    tp: float
    swap: float
    profit: float
    magic: int
    comment: str
    exposure: dict[str, float] | None = None
    time_msc: int
    time_server: str
    time_utc: str | None = None
    as_of: str


class TradeRow(Row, frozen=True, kw_only=True):
    """All deals of one position: a trade. `result` is profit + swap + commission + fee.

    `status` is `open` or `closed`; prices are averages over volume. A position whose entry is not known has no
    `price_open`. `time_last_utc` is when its last deal was made, also of an open one: trades are listed by it.
    """

    account: str
    ea_id: int | None = None
    position_id: int
    symbol: str
    type: str
    status: str
    volume: float
    volume_closed: float
    price_open: float | None = None
    price_close: float | None = None
    profit: float
    commission: float
    swap: float
    fee: float
    result: float
    deals: int
    magic: int
    time_open_msc: int
    time_open_utc: str
    time_close_msc: int | None = None
    time_close_utc: str | None = None
    time_last_utc: str


class EquityPoint(Row, frozen=True, kw_only=True):
    """One point of a curve: the last balance and equity of its stretch of time, and the lowest and highest equity."""

    utc: str
    balance: float
    equity: float
    equity_min: float
    equity_max: float


class SparklinesRow(Row, frozen=True, kw_only=True):
    """What experts have earned of late, closed and open together, in the currency of their accounts; the latest last.

    `experts` has, by ea_id, one value for each `step_ms`, at most three minutes of them; null where it was silent. The
    last is of `as_of`.
    """

    as_of: str
    step_ms: int
    experts: dict[str, list[float | None]]


class AlertRow(Row, frozen=True, kw_only=True):
    """What a person should know: the data of an `alert`. `status` is `raised`, `acknowledged` or `cleared`.

    `ea_id` (or `account`) is the subject where it has one. `value` is what the rule looked at.
    """

    level: str
    message: str
    ea_id: int | None = None
    account: str | None = None
    alert_id: int
    rule: str
    subject: str
    status: str
    value: float | None = None
    threshold: float | None = None
    raised_at: str
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    cleared_at: str | None = None


class NewsRow(Row, frozen=True, kw_only=True):
    """A calendar event, or the opening or closing of its blackout: the data of a `news_update`.

    `status` is `announced`, `blackout_opened` or `blackout_closed`. `symbols` are those of the fleet that the blackout
    blocks, or will block; an event that is announced on the channel does not tell them yet, the API does.
    """

    id: int | str
    status: str
    name: str
    currency: str
    importance: str
    time_utc: str
    actual: float | str | None = None
    forecast: float | str | None = None
    previous: float | str | None = None
    source: str
    trading_blocked: bool | None = None
    symbols: list[str] | None = None
    blackout_from_utc: str | None = None
    blackout_until_utc: str | None = None


class CommandRow(Row, frozen=True, kw_only=True):
    """A command: the data of a `command_update`, and as the API lists it.

    `status` is `queued delivered accepted executed partial rejected failed expired cancelled` or `unknown`; `why` says
    why it is that one. A command for several experts has no `ea_id`; each expert's part of it names it as `parent_id`.
    """

    command_id: str
    ea_id: int | None = None
    command: str
    status: str
    params: dict[str, Any]
    reason: str
    results: dict[str, Any] | None = None
    why: str | None = None
    parent_id: str | None = None
    target: str
    priority: str
    by: str
    issued_at: str
    expires_at: str
    changed_at: str
    boot_id: str | None = None


class AuditedRow(Row, frozen=True, kw_only=True):
    """Who did what, when, from where and why, as the API lists it: a row of the audit.

    `who` is a token's id, `EA 1007` or `server`. `before` is absent for what was not there. `details` is JSON, cut
    where it is long. `hash` is that of the row in its chain.
    """

    number: int
    time_utc: str
    who: str
    address: str | None = None
    action: str
    subject: str | None = None
    before: str | None = None
    after: str | None = None
    why: str | None = None
    details: str | None = None
    hash: str


class PriceRow(Row, frozen=True, kw_only=True):
    """A symbol's price, as the API lists it. `market` is `open`, `closed`, or absent where no sessions are known."""

    server: str
    symbol: str
    bid: float
    ask: float
    market: str | None = None
    time_msc: int | None = None
    as_of: str


class FleetRow(Row, frozen=True, kw_only=True):
    """Everything at a glance, as the API gives it. `as_of` is when the portfolio was last told."""

    portfolio: PortfolioRow
    accounts: list[AccountRow]
    terminals: list[TerminalRow]
    alerts_open: int
    as_of: str
    server_time: str


class Page(Row, frozen=True, kw_only=True):
    """A part of a list. `next` is the cursor of the part that follows; absent at the end."""

    items: list[Any]
    total: int | None = None
    next: str | None = None
