"""The table of experts: which columns there is room for, in which order rows stand, which are meant, how one looks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fleetwire.cli.lines import cells, fitted
from fleetwire.cli.top.formats import NOTHING, age, money, number, percent, result, text, whole
from fleetwire.cli.top.health import is_quiet, is_silent
from fleetwire.cli.top.line import Line, Look, Part

Row = Mapping[str, Any]

_WHY = {
    "expert_stopped": "stopped",
    "algo_trading_off": "algo off",
    "terminal_down": "no terminal",
    "broker_connection_lost": "no broker",
    "market_closed": "closed",
}
"""Shorter than the reasons' own names, so that none is cut in the table."""


class State(NamedTuple):
    """What an expert is like: a shape, a word, what that means, and how much it needs somebody (0 is most)."""

    mark: str
    word: str
    look: Look
    rank: int


def state_of(row: Row) -> State:
    """Say what an expert is like."""
    why = text(row.get("why"))
    said = _WHY.get(why, why.replace("_", " "))
    if row.get("status") == "history":
        return State("·", "history", "old", 8)
    if is_silent(row):
        return State("○", (said or text(row.get("link")) or "silent").upper(), "alarm", 0)
    if is_quiet(row):
        return State("◌", said, "old", 7)
    if row.get("link") == "late":
        return State("◐", "late", "late", 1)
    if why:
        return State("●", said, "late", 2)
    if row.get("paused") is True or row.get("status") == "paused":
        return State("‖", "paused", "faint", 3)
    if row.get("trading_blocked") is True:
        return State("◍", "news", "", 4)
    return State("●", text(row.get("status")), "good" if row.get("status") == "active" else "", 5)


# ------------------------------------------------------------------------------------------------------ which, in order

STATES: dict[str, Callable[[Row], bool]] = {
    "all": lambda _: True,
    "silent": is_silent,
    "late": lambda row: row.get("link") == "late",
    "paused": lambda row: row.get("paused") is True,
    "news": lambda row: row.get("trading_blocked") is True,
    "open": lambda row: (whole(row.get("open_positions")) or 0) > 0,
    "losing": lambda row: (number(row.get("current_profit")) or 0.0) < 0,
}
"""What the table can be narrowed to."""


def account_of(row: Row) -> str:
    """Name its account."""
    return f"{text(row['server'])}/{text(row['login'])}" if "server" in row and "login" in row else ""


def fits(row: Row, words: str, state: str) -> bool:
    """Tell whether a row is meant: by its state, and by words in any order."""
    asked = words.lower().split()
    is_in_state = STATES[state](row)
    if not asked or not is_in_state:
        return is_in_state
    fields = ("ea_id", "name", "symbol", "strategy_tag", "group", "timeframe", "why", "status")
    said = " ".join([*(text(row.get(field)) for field in fields), account_of(row)]).lower()
    return all(word in said for word in asked)


class Order(NamedTuple):
    """An order of rows: by which column, and whether the largest stands first."""

    column: str = "state"
    reverse: bool = False


def ordered(rows: Mapping[str, Row], ages: Callable[[str], float | None], order: Order) -> list[str]:
    """Give the keys in order; what is equal stands by id, and what has no value stands last."""
    of = _VALUES[order.column]

    def value(key: str) -> tuple[bool, Any]:
        found = ages(key) if order.column == "age" else of(rows[key])
        return (found is None) != order.reverse, 0 if found is None else found

    by_id = sorted(rows, key=lambda key: (whole(rows[key].get("ea_id")) or 0, key))
    return sorted(by_id, key=value, reverse=order.reverse)


_VALUES: dict[str, Callable[[Row], Any]] = {
    "state": lambda row: state_of(row).rank,
    "id": lambda row: whole(row.get("ea_id")),
    "symbol": lambda row: text(row.get("symbol")),
    "name": lambda row: text(row.get("name")),
    "open": lambda row: number(row.get("current_profit")),
    "today": lambda row: number(row.get("profit_today")),
    "drawdown": lambda row: number(row.get("drawdown_pct")),
    "age": lambda _: None,  # a row does not know it
}
COLUMNS = tuple(_VALUES)
"""What the table can be sorted by."""
LARGEST_FIRST = frozenset({"drawdown", "age"})
"""Where one looks for the large ones."""


# --------------------------------------------------------------------------------------------------------- how it looks


class Column(NamedTuple):
    """One column: its name, its title, its cells, on which side they stand, and how important it is (0 is most)."""

    name: str
    title: str
    width: int
    right: bool
    weight: int


_ALL = (
    Column("mark", "", 1, False, 0),
    Column("id", "id", 5, True, 0),
    Column("symbol", "symbol", 8, False, 0),
    Column("name", "name", 10, False, 1),
    Column("state", "state", 11, False, 0),
    Column("open", "open", 11, True, 0),
    Column("today", "today", 11, True, 0),
    Column("currency", "", 3, False, 0),
    Column("positions", "pos", 3, True, 0),
    Column("age", "age", 6, True, 0),
    Column("drawdown", "drawdown", 8, True, 2),
    Column("closed", "in all", 12, True, 3),
    Column("lots", "lots", 6, True, 4),
    Column("timeframe", "frame", 5, False, 5),
    Column("account", "account", 26, False, 6),
)
_GAP = 1
_NAME_MAX = 24


def columns_for(width: int, rows: Iterable[Row]) -> list[Column]:
    """Choose the columns that there is room for, the least important left out first."""
    symbols = max((cells(text(row.get("symbol"))) for row in rows), default=0)
    wanted = [column._replace(width=min(max(8, symbols), 14)) if column.name == "symbol" else column for column in _ALL]
    for weight in range(max(column.weight for column in wanted), -1, -1):
        chosen = [column for column in wanted if column.weight <= weight]
        spare = width - sum(column.width + _GAP for column in chosen) + _GAP
        if spare >= 0 or weight == 0:
            break
    more = max(0, min(spare, _NAME_MAX - 10))
    return [column._replace(width=column.width + more) if column.name == "name" else column for column in chosen]


def head(columns: Iterable[Column], order: Order) -> Line:
    """Write the titles; the column that orders has an arrow."""
    parts: list[Part] = []
    for column in columns:
        chosen = column.name == order.column
        arrow = ("▾" if order.reverse else "▴") if chosen else ""
        written = fitted(f"{column.title}{arrow}", column.width)
        if column.right:
            written = written.rstrip().rjust(column.width)
        parts += [(written, "strong" if chosen else "faint"), (" " * _GAP, "")]
    return tuple(parts[:-1])


def line(columns: Iterable[Column], row: Row, age_ms: float | None) -> Line:
    """Write a row. Of one that is silent every number is old, and looks it."""
    state = state_of(row)
    old = is_quiet(row) or row.get("status") == "history"
    parts: list[Part] = []
    for column in columns:
        written, look = _cell(column, row, state, age_ms)
        kept: Look = "old" if old and column.name not in ("mark", "state", "age") else look
        parts += [(written if column.right else fitted(written, column.width), kept), (" " * _GAP, "")]
    return tuple(parts[:-1])


def _cell(column: Column, row: Row, state: State, age_ms: float | None) -> Part:
    width = column.width
    match column.name:
        case "mark":
            return state.mark, state.look
        case "state":
            return state.word, state.look
        case "open":
            return result(row.get("current_profit"), width)
        case "today":
            return result(row.get("profit_today"), width)
        case "closed":
            return result(row.get("net_profit"), width)
        case "drawdown":
            return percent(row.get("drawdown_pct"), width), ""
        case "lots":
            return money(row.get("volume"), width), ""
        case "age":
            look: Look = state.look if state.rank <= 1 else "faint"
            return age(age_ms).rjust(width), look
        case "positions":
            found = whole(row.get("open_positions"))
            return (NOTHING if found is None else str(found)).rjust(width), "" if found else "faint"
        case "id":
            return fitted(text(row.get("ea_id")), width).strip().rjust(width), "strong"
        case "account":
            return account_of(row), "faint"
        case name:
            return text(row.get(name)), "" if name in ("symbol", "name") else "faint"
