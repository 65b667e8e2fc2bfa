"""The money: what the fleet is worth for each currency, what today brought, and what is left before each limit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fleetwire.cli.lines import cells, fitted
from fleetwire.cli.top.formats import NOTHING, money, number, percent, result, text, whole
from fleetwire.cli.top.line import Line, Look, Part

Row = Mapping[str, Any]

_TITLES = (("equity", 12), ("balance", 12), ("drawdown", 8), ("today", 12), ("open", 12), ("margin", 8), ("pos", 4))
_NAME_MIN, _NAME_MAX = 4, 28
_NEAR_PCT = 80.0  # as the server's own rules have it


class Sum(NamedTuple):
    """The money of one currency, or of one account: its name, the row that says it, and how many positions are open."""

    name: str
    row: Row
    positions: int | None


def sums_of(portfolio: Row | None, experts: Iterable[Row], accounts: Sequence[Row], *, each: bool = False) -> list[Sum]:
    """Choose what is shown: currencies; accounts, where a token for a part of the fleet does not hear the sums.

    Args:
        portfolio: the sums of the fleet.
        experts: their rows.
        accounts: their rows.
        each: whether accounts stand below the currencies as well, where there is more than one.
    """
    own = [
        Sum(text(row.get("account")), row, whole(row.get("open_positions"))) for row in accounts if row.get("account")
    ]
    by_currency = (portfolio or {}).get("by_currency")
    if not isinstance(by_currency, dict) or not by_currency:
        return own or ([] if portfolio is None else [Sum(text(portfolio.get("currency")), portfolio, None)])
    positions: dict[str, int] = {}
    for row in accounts or experts:
        name = text(row.get("currency"))
        positions[name] = positions.get(name, 0) + (whole(row.get("open_positions")) or 0)
    found = [Sum(text(name), row, positions.get(name, 0)) for name, row in by_currency.items()]
    converted = (portfolio or {}).get("converted")
    if isinstance(converted, dict):
        total = whole((portfolio or {}).get("total_positions"))
        found.append(Sum(f"all in {text(converted.get('currency'))}", converted, total))
    return found + own if each and len(own) > 1 else found


def sum_lines(sums: Sequence[Sum]) -> list[Line]:
    """Write them as a table, its titles first."""
    name_width = min(max([_NAME_MIN, *(len(one.name) for one in sums)]), _NAME_MAX)
    titles: list[Part] = [(" " * name_width, "")]
    titles += [(title.rjust(width + 1), "faint") for title, width in _TITLES]
    return [tuple(titles), *(_sum_line(one, name_width) for one in sums)]


def _sum_line(one: Sum, name_width: int) -> Line:
    row = one.row
    level = number(row.get("margin_level"))
    free = level is None and number(row.get("equity")) is not None
    drawdown = number(row.get("drawdown_pct"))
    cells: list[Part] = [
        (money(row.get("equity"), 12), "strong"),
        (money(row.get("balance"), 12), ""),
        (percent(drawdown, 8), "loss" if drawdown and drawdown >= 0.005 else ""),
        result(row.get("daily_result", row.get("profit_today")), 12),
        result(row.get("total_profit", row.get("profit")), 12),
        ("unused".rjust(8), "faint") if free else (percent(level, 8, 0), ""),
        ((NOTHING if one.positions is None else str(one.positions)).rjust(4), ""),
    ]
    parts: list[Part] = [(fitted(one.name, name_width), "strong")]
    for cell in cells:
        parts += [(" ", ""), cell]
    return tuple(parts)


# --------------------------------------------------------------------------------------------------------------- limits


class Headroom(NamedTuple):
    """What is left before a limit is broken: whose, which, how much of it is used in percent, and what is left."""

    account: str
    name: str
    used_pct: float
    left: str


def headrooms(accounts: Iterable[Row]) -> list[Headroom]:
    """Find the limits of all accounts, the nearest first."""
    found: list[Headroom] = []
    for row in accounts:
        account, currency, limits = text(row.get("account")), text(row.get("currency")), row.get("limits")
        for key, name in (("daily_loss", "daily loss"), ("max_loss", "max loss")):
            used = number(limits.get(f"{key}_used_pct")) if isinstance(limits, dict) else None
            if used is not None and isinstance(limits, dict):
                left = f"{money(limits.get(f'{key}_headroom'))} {currency} left"
                found.append(Headroom(account, name, used, left))
        level, call = number(row.get("margin_level")), number(row.get("margin_so_call"))
        if level is not None and call and level > 0:
            found.append(Headroom(account, "margin call", call / level * 100, f"level {percent(level, 0, 0)}"))
    return sorted(found, key=lambda one: -one.used_pct)


def headroom_line(one: Headroom, width: int) -> Line:
    """Write one: a bar that fills up, and what is left in words."""
    look: Look = "alarm" if one.used_pct >= 100 else "late" if one.used_pct >= _NEAR_PCT else ""
    broken = "  BROKEN" if one.used_pct >= 100 else ""
    bar_width = 10
    filled = min(bar_width, max(0, round(one.used_pct / 100 * bar_width)))
    used = f"{one.used_pct:.0f} % used".rjust(11)
    account_width = max(0, width - 11 - 1 - 1 - bar_width - 1 - 11 - 2 - 19)
    return (
        (fitted(one.name, 11), ""),
        (" ", ""),
        (_ending(one.account, account_width), "faint"),
        (" ", ""),
        ("█" * filled, look or "faint"),
        ("·" * (bar_width - filled), "faint"),
        (" ", ""),
        (used, look),
        ("  ", ""),
        (f"{one.left}{broken}", look or "strong"),
    )


def _ending(account: str, width: int) -> str:
    """Bring an account to so many cells: its login at the end tells it from others of its server."""
    kept = account
    while kept and cells(kept) > width - (kept != account):
        kept = kept[1:]
    return fitted(kept if kept == account else f"…{kept}"[:width], width)
