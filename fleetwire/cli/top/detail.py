"""One expert, or one alert, in all its lines."""

from collections.abc import Mapping
from typing import Any

from fleetwire.cli.lines import fitted
from fleetwire.cli.top.alerts import look_of, since
from fleetwire.cli.top.experts import account_of, state_of
from fleetwire.cli.top.figures import headroom_line, headrooms
from fleetwire.cli.top.formats import NOTHING, age, money, number, percent, result, text, whole
from fleetwire.cli.top.health import is_quiet
from fleetwire.cli.top.line import Line, Part, aged, rule, wrapped

Row = Mapping[str, Any]

_LABEL = 17


def of_expert(row: Row, age_ms: float | None, account: Row | None, width: int) -> list[Line]:
    """Write an expert: how it is, its money, its statistics, modules, last deals, account."""
    state, currency = state_of(row), text(row.get("currency"))
    held: Line = (("no new trades for news", "late"), (f" until {_moment(row.get('blocked_until_utc'))} UTC", ""))
    lines: list[Line] = [
        ((f"{state.mark} {state.word}", state.look), (f"   {_told(row, age_ms)}", "faint")),
        *([held] if row.get("trading_blocked") is True else []),
        (),
        _field("open", result(row.get("current_profit")), currency),
        _field("today, closed", result(row.get("profit_today")), currency),
        _field("in all, closed", result(row.get("net_profit")), currency),
        _field("drawdown", (percent(row.get("drawdown_pct")), "")),
        _field("positions", (_positions(row), "")),
        _field("stops", (_stops(row), "")),
        (),
        rule([("statistics", "faint")], width),
        *_statistics(row, currency),
        rule([("modules", "faint")], width),
        *_modules(row, width),
        rule([("last deals", "faint")], width),
        *_deals(row, currency),
        rule([("where", "faint")], width),
        _field("account", (account_of(row) or NOTHING, "")),
        _field("strategy", (text(row.get("strategy_tag")) or NOTHING, "")),
        _field("magic", (text(row.get("magic")) or NOTHING, "")),
        _field("timeframe", (text(row.get("timeframe")) or NOTHING, "")),
        _field("terminal", (text(row.get("terminal")) or NOTHING, "")),
        _field("last report", (f"{_moment(row.get('last_report_utc'))} UTC", "")),
        *(headroom_line(one, width) for one in headrooms([account] if account else [])),
    ]
    return [lines[0], *map(aged, lines[1:])] if is_quiet(row) else lines


def of_alert(row: Row, server_s: float | None, width: int) -> list[Line]:
    """Write an alert."""
    lines: list[Line] = [((part, look_of(row)),) for part in wrapped(text(row.get("message")), width)]
    lines += [
        (),
        _field("level", (text(row.get("level")), look_of(row))),
        _field("rule", (text(row.get("rule")), "")),
        _field("about", (text(row.get("subject")), "")),
    ]
    if number(row.get("value")) is not None:
        lines.append(_field("value", (f"{row['value']:,.6g}".replace(",", " "), "")))
    if number(row.get("threshold")) is not None:
        lines.append(_field("threshold", (f"{row['threshold']:,.6g}".replace(",", " "), "")))
    raised = f"{_moment(row.get('raised_at'))} UTC"
    lines.append(_field("raised", (f"{raised}, {since(row.get('raised_at'), server_s)} ago", "")))
    if row.get("acknowledged_at"):
        seen = f"{_moment(row.get('acknowledged_at'))} UTC, by {text(row.get('acknowledged_by'))}"
        lines.append(_field("seen", (seen, "")))
    return lines


def _told(row: Row, age_ms: float | None) -> str:
    said = f"no report for {age(age_ms)}" if is_quiet(row) else f"told {age(age_ms)} ago"
    why = text(row.get("why")).replace("_", " ")
    return f"{said}: {why}" if why else said


def _field(name: str, value: Part, unit: str = "") -> Line:
    return ((fitted(name, _LABEL), "faint"), value, (f" {unit}" if unit else "", "faint"))


def _positions(row: Row) -> str:
    found, lots = whole(row.get("open_positions")), number(row.get("volume"))
    return NOTHING if found is None else f"{found}" + (f", {lots:.2f} lots" if lots else "")


def _stops(row: Row) -> str:
    sl, tp = number(row.get("sl_value")), number(row.get("tp_value"))
    if sl is None and tp is None:
        return "none"
    trailing = ", trailing" if row.get("trailing_active") is True else ""
    return f"sl {NOTHING if sl is None else f'{sl:g}'}, tp {NOTHING if tp is None else f'{tp:g}'}{trailing}"


def _statistics(row: Row, currency: str) -> list[Line]:
    found = row.get("performance_metrics")
    figures: Row = found if isinstance(found, dict) else {}
    trades = whole(figures.get("total_trades"))
    if not trades:
        return [(("no closed trade yet", "faint"),)]
    factor = number(figures.get("profit_factor"))
    worst = f"{money(figures.get('balance_drawdown_maximal'))} {currency}"
    return [
        _field("trades", (f"{trades:,}".replace(",", " "), "")),
        _field("won", (percent(figures.get("profit_trades_pct"), 0, 1), "")),
        _field("profit factor", (NOTHING if factor is None else f"{factor:.2f}", "")),
        _field("expected payoff", result(figures.get("expected_payoff")), currency),
        _field("largest gain", result(figures.get("largest_profit_trade")), currency),
        _field("largest loss", result(figures.get("largest_loss_trade")), currency),
        _field("max drawdown", (f"{worst} ({percent(figures.get('balance_drawdown_maximal_pct'))})", "")),
    ]


def _modules(row: Row, width: int) -> list[Line]:
    modules = row.get("module_status")
    if not isinstance(modules, dict) or not modules:
        return [(("it tells of none", "faint"),)]
    name_width = max(_LABEL, min(width // 2, *(len(text(name)) + 2 for name in modules), width))
    return [
        (
            (fitted(text(name).replace("_", " "), name_width), "faint"),
            (text(status), "good" if status == "ok" else "late"),
        )
        for name, status in modules.items()
    ]


def _deals(row: Row, currency: str) -> list[Line]:
    found = row.get("last_trades")
    deals = [deal for deal in found if isinstance(deal, dict)] if isinstance(found, list) else []
    if not deals:
        return [(("none yet", "faint"),)]
    return [_deal(deal, currency) for deal in reversed(deals)]


def _deal(deal: Row, currency: str) -> Line:
    brought = sum(number(deal.get(name)) or 0.0 for name in ("profit", "swap", "commission", "fee"))
    price = number(deal.get("price"))
    what = f"{text(deal.get('entry')):<6} {text(deal.get('type')):<5} {number(deal.get('volume')) or 0:.2f}"
    return (
        (f"{_moment(deal.get('time_utc') or deal.get('time_server'))[5:]}  ", "faint"),
        (f"{what} at {NOTHING if price is None else f'{price:g}':<9}", ""),
        result(brought, 12),
        (f" {currency}", "faint"),
    )


def _moment(utc: object) -> str:
    """Say a moment as date and time of day, to the second."""
    said = text(utc)
    return said[:19].replace("T", " ") if len(said) >= 19 else NOTHING
