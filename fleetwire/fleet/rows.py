"""What the fleet shows: each subject's row, in the form that is told and listed."""

from typing import Any

from fleetwire.fleet.account import AccountState, TerminalState, account_name
from fleetwire.fleet.broker_time import server_text
from fleetwire.fleet.events import Deal, Position
from fleetwire.fleet.expert import LAST_TRADES, ExpertState
from fleetwire.fleet.state import Fleet
from fleetwire.wire.moment import Moment, utc_text
from fleetwire.wire.rows import AccountRow, DealRow, ExpertRow, PositionRow, TerminalRow


def deal_row(account: AccountState, expert: ExpertState | None, deal: Deal) -> DealRow:
    """Write a deal in MetaTrader's names; its time stays the trade server's, with UTC beside it."""
    utc_ms = account.clock.utc_ms(deal.time_msc)
    return DealRow(
        ea_id=expert.ea_id if expert is not None else None,
        symbol=deal.symbol,
        name=expert.expert.name if expert is not None else None,
        ticket=deal.ticket,
        order=deal.order,
        time_msc=deal.time_msc,
        type=deal.type,
        entry=deal.entry,
        magic=deal.magic,
        position_id=deal.position_id,
        reason=deal.reason,
        volume=deal.volume,
        price=deal.price,
        commission=deal.commission,
        swap=deal.swap,
        fee=deal.fee,
        profit=deal.profit,
        comment=deal.comment,
        time_server=server_text(deal.time_msc),
        time_utc=utc_text(utc_ms) if utc_ms is not None else None,
        server=account.id[0],
        login=account.id[1],
    )


def _last_trades(account: AccountState, expert: ExpertState) -> list[DealRow]:
    """Write the newest deals; they are written once, until there are others or the broker's clock is known better."""
    key = (expert.series.version, len(account.clock.learned))
    if expert.shown_trades[0] != key:
        newest = expert.series.deals[-LAST_TRADES:]
        expert.shown_trades = (key, [deal_row(account, expert, deal) for deal in newest])
    return expert.shown_trades[1]


def expert_row(fleet: Fleet, expert: ExpertState, at: Moment, blocked_until_ms: int | None = None) -> ExpertRow:
    """Build the row of an expert: the data of an `ea_update`.

    Args:
        fleet: that it belongs to.
        expert: whose row it is.
        at: now.
        blocked_until_ms: when the news blackout of its symbol ends, in UTC; None outside of one.
    """
    report, identity, account = expert.report, expert.expert, expert.account
    positions = expert.positions.values()
    newest = next(reversed(positions), None)
    heard_msc = account.clock.server_msc(expert.heard_utc_ms) if expert.heard_utc_ms else None
    return ExpertRow(
        ea_id=expert.ea_id,
        symbol=identity.symbol,
        status=expert.status,
        current_profit=expert.current_profit,
        name=identity.name,
        currency=account.currency,
        drawdown_pct=expert.drawdown_pct,
        magic=identity.magic,
        server=identity.server,
        login=identity.login,
        strategy_tag=report.strategy_tag,
        group=report.group,
        timeframe=report.timeframe,
        open_positions=len(positions),
        volume=round(sum((position.volume for position in positions), 0.0), 8),
        sl_value=newest.sl if newest is not None else None,
        tp_value=newest.tp if newest is not None else None,
        trailing_active=report.trailing_active,
        module_status=report.module_status,
        performance_metrics=expert.metrics,
        net_profit=expert.net_profit,
        profit_today=expert.profit_today(account.server_day(at)),
        last_trades=_last_trades(account, expert),
        paused=report.paused,
        link=expert.pulse.link.value,
        why=fleet.why(expert, at),
        trading_blocked=blocked_until_ms is not None,
        blocked_until_utc=utc_text(blocked_until_ms) if blocked_until_ms is not None else None,
        last_report_utc=expert.last_report_utc,
        last_report_server=server_text(heard_msc) if heard_msc is not None else None,
        terminal=account.terminal(report.terminal).name,
        boot_id=report.boot_id or None,
    )


def account_row(fleet: Fleet, state: AccountState, limits: dict[str, float]) -> AccountRow | None:
    """Build the row of an account; None while its terminal has said nothing of it."""
    account, book, clock = state.account, state.book, state.clock
    if account is None:
        return None
    base = book.day_open_equity
    link = state.pulse.link
    return AccountRow(
        account=account_name(state.id),
        server=account.server,
        login=account.login,
        name=account.name,
        company=account.company,
        currency=account.currency,
        leverage=account.leverage,
        balance=account.balance,
        credit=account.credit,
        profit=account.profit,
        equity=account.equity,
        margin=account.margin,
        margin_free=account.margin_free,
        margin_level=account.margin_level,
        margin_so_call=account.margin_so_call or None,
        margin_so_so=account.margin_so_so or None,
        trade_allowed=account.trade_allowed,
        trade_expert=account.trade_expert,
        link=link.value,
        why="terminal_down" if link.is_silent else None,
        profit_today=round(book.profit_today, 2),
        daily_result=round(book.daily_result, 2),
        daily_result_pct=round(100 * book.daily_result / base, 2) if base > 0 else None,
        day_open_balance=round(book.day_open_balance, 2),
        day_open_equity=round(base, 2),
        drawdown_pct=book.drawdown_pct,
        peak_equity=round(book.peak_equity, 2),
        deposits=round(book.paid, 2),
        utc_offset_s=clock.offset_s(state.heard_utc_ms),
        clock_skew_s=clock.skew_s,
        limits=limits or None,
        experts=len(state.experts),
        open_positions=len(state.manual) + sum(len(fleet.experts[ea_id].positions) for ea_id in state.experts),
        as_of=state.as_of,
    )


def terminal_row(state: TerminalState) -> TerminalRow:
    """Build the row of a terminal."""
    terminal, link = state.terminal, state.pulse.link
    why = None if terminal.trade_allowed else "algo_trading_off"
    why = why if terminal.connected else "broker_connection_lost"
    return TerminalRow(
        terminal=state.name,
        account=account_name(state.account.id),
        name=terminal.name,
        build=terminal.build,
        connected=terminal.connected,
        trade_allowed=terminal.trade_allowed,
        ping_ms=terminal.ping_ms,
        link=link.value,
        why="terminal_down" if link.is_silent else why,
        clock_skew_s=state.account.clock.skew_s,
        as_of=state.as_of,
    )


def position_row(
    account: AccountState, expert: ExpertState | None, position: Position, exposure: dict[str, float] | None = None
) -> PositionRow:
    """Build the row of an open position."""
    utc_ms = account.clock.utc_ms(position.time_msc)
    return PositionRow(
        ea_id=expert.ea_id if expert is not None else None,
        account=account_name(account.id),
        currency=account.currency,
        ticket=position.ticket,
        position_id=position.position_id,
        symbol=position.symbol,
        type=position.type,
        volume=position.volume,
        price_open=position.price_open,
        price_current=position.price_current,
        sl=position.sl,
        tp=position.tp,
        swap=position.swap,
        profit=position.profit,
        magic=position.magic,
        comment=position.comment,
        exposure=exposure,
        time_msc=position.time_msc,
        time_server=server_text(position.time_msc),
        time_utc=utc_text(utc_ms) if utc_ms is not None else None,
        as_of=expert.last_report_utc if expert is not None else account.as_of,
    )


def without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what does not exist."""
    return {name: value for name, value in data.items() if value is not None}
