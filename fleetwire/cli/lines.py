"""Messages as lines for people: what `fleetwire tail` prints where no program reads it."""

import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from fleetwire.client import Message

Data = dict[str, Any]

_PAINT = {"urgent": "\x1b[1;31m", "warning": "\x1b[33m", "good": "\x1b[32m", "faint": "\x1b[2m"}
_PLAIN = "\x1b[0m"
_SYMBOLS_MAX = 6
"""More symbols of a blackout are counted, not named: a line stays a line."""


class Line(NamedTuple):
    """One line, and how it looks on a terminal: urgent, warning, good, faint, or plain (empty)."""

    stamp: str
    text: str
    look: str = ""

    def __str__(self) -> str:
        """Give it without colours."""
        return f"{self.stamp}  {self.text}"

    def painted(self) -> str:
        """Give it with colours: the time steps back, what needs a look stands out."""
        begin = _PAINT.get(self.look, "")
        return f"{_PAINT['faint']}{self.stamp}{_PLAIN}  {begin}{self.text}{_PLAIN if begin else ''}"


def line_of(message: Message, ack: str = "fleetwire ack") -> Line:
    """Say what a person wants to know of a message.

    Args:
        message: as the client hears it.
        ack: the command that acknowledges an alert of this server, without the id.
    """
    moment = (
        datetime.fromisoformat(message.timestamp).astimezone() if message.timestamp else datetime.now().astimezone()
    )
    data: Data = message.data if isinstance(message.data, dict) else {}
    if message.type == "ea_update":
        text, look = _expert(data, message.age_ms)
    elif message.type == "alert":
        text, look = _alert(data, ack)
    else:
        text, look = _SAY.get(message.type, _anything)(data)
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return Line(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}", printable.rstrip(), look)


# ------------------------------------------------------------------------------------------------------ what is said


def _expert(data: Data, age_ms: float | None) -> tuple[str, str]:
    status = str(data.get("status", ""))
    link = data.get("link")
    if link == "late" and status == "active":
        status = "late"
    troubled = link in ("late", "stale", "lost") or bool(data.get("why")) or status not in ("active", "paused")
    silent = link in ("stale", "lost")
    said = [
        f"no report for {duration(age_ms)}" if silent and age_ms is not None else "",
        str(data.get("why") or "").replace("_", " "),
    ]
    blocked = f"news until {_clock(data.get('blocked_until_utc'))}" if data.get("trading_blocked") else ""
    age = "" if silent or age_ms is None else f"age {duration(age_ms)}"
    after = "   ".join(part for part in (age, ": ".join(filter(None, said)), blocked) if part)
    count = data.get("open_positions", "-")
    text = (
        f"{_who('ea', data)} {fitted(data.get('name', ''), 18)} "
        f"{status if status in ('active', 'paused', 'late') else status.upper():<8} "
        f"{signed(data.get('current_profit')):>10} {data.get('currency', '')!s:<3}  {count!s:>2} pos   {after}"
    )
    return text, "warning" if troubled else ""


def _portfolio(data: Data) -> tuple[str, str]:
    by_currency = data.get("by_currency")
    sums = list(by_currency.values()) if isinstance(by_currency, dict) and by_currency else [data]
    links = data.get("links")
    counts = [links.get(link) for link in ("stale", "lost")] if isinstance(links, dict) else []
    silent = sum(count for count in counts if isinstance(count, int))
    of = f" of {data['total_eas']}" if "total_eas" in data else ""
    parts = [
        f"{data.get('active_eas', '-')}{of} active" + (f", {silent} SILENT" if silent else ""),
        *(_sums(of_currency) for of_currency in sums if isinstance(of_currency, dict)),
        f"all in {_sums(data['converted'])}" if isinstance(data.get("converted"), dict) else "",
    ]
    return "fleet   " + "   ".join(part for part in parts if part), "" if silent else "faint"


def _sums(sums: Data) -> str:
    """Say the money of one currency."""
    parts = [
        f"{sums.get('currency', '')!s}",
        signed(sums.get("total_profit")),
        f"equity {amount(sums['equity'])}" if sums.get("equity") is not None else "",
        f"drawdown {amount(sums['drawdown_pct'])} %" if sums.get("drawdown_pct") is not None else "",
    ]
    return "  ".join(part for part in parts if part)


def _trade(data: Data) -> tuple[str, str]:
    if data.get("type") not in ("buy", "sell", None) and not data.get("symbol"):
        comment = f"   {data['comment']}" if data.get("comment") else ""
        account = f"   {data.get('server', '')}/{data['login']}" if "login" in data else ""
        return (
            f"{data['type']!s:<7} {data.get('ea_id', '')!s:<6} {signed(data.get('profit')):>10}{comment}{account}",
            "",
        )
    result = f"   {signed(data.get('profit'))}" if data.get("profit") else ""
    why = f"   {data['reason']}" if data.get("reason") in ("sl", "tp", "so") else ""
    return (
        f"{_who('trade', data)} {data.get('entry', '')!s:<6} {data.get('type', '')!s:<4} "
        f"{data.get('volume', '')} lots at {data.get('price', '')}{result}{why}"
    ), ""


def _price(data: Data) -> tuple[str, str]:
    market = data.get("market", "open")
    closed = "" if market == "open" else f"   market {market}"
    return f"{_who('price', data)} {data.get('bid', '-')} / {data.get('ask', '-')}{closed}", "faint"


def _news(data: Data) -> tuple[str, str]:
    status = data.get("status")
    what, look = f"at {_clock(data.get('time_utc'), 'date')}", ""
    if status == "blackout_opened":
        what = f"BLACKOUT until {_clock(data.get('blackout_until_utc'))}: {_symbols(data)}"
        look = "warning"
    elif status == "blackout_closed":
        what = f"blackout is over: {_symbols(data)}"
    where = f"{data.get('currency', '')!s:<6} {data.get('importance', '')!s:<10}"
    return f"news    {where} {data.get('name', '')}   {what}", look


def _symbols(data: Data) -> str:
    symbols = data.get("symbols")
    if not isinstance(symbols, list) or not symbols:
        return "no symbol"
    named = ", ".join(map(str, symbols[:_SYMBOLS_MAX]))
    more = len(symbols) - _SYMBOLS_MAX
    return f"{named} and {more} more" if more > 0 else named


def _command(data: Data) -> tuple[str, str]:
    status = str(data.get("status", ""))
    failed = status in ("failed", "rejected", "expired", "unknown")
    reason = f"   {data['reason']}" if data.get("reason") else ""
    return (
        f"command {data.get('ea_id', '')!s:<6} {data.get('command', '')!s:<10} "
        f"{status.upper() if failed else status:<10} no {data.get('command_id', '')}{reason}"
    ), "warning" if failed else ""


def _alert(data: Data, ack: str) -> tuple[str, str]:
    status, level = data.get("status"), str(data.get("level", ""))
    message = data.get("message", "")
    if status == "cleared":
        return f"alert   {'cleared':<9} {message}", "good"
    if status == "acknowledged":
        return f"alert   {level:<9} {message}   (seen by {data.get('acknowledged_by', '?')})", "faint"
    hint = f"   (ack: {ack} {data['alert_id']})" if status == "raised" and "alert_id" in data else ""
    return f"alert   {level:<9} {message}{hint}", {"critical": "urgent", "warning": "warning"}.get(level, "")


def _gap(data: Data) -> tuple[str, str]:
    first, last = data.get("from_seq"), data.get("to_seq")
    lost = "messages were lost"
    if isinstance(first, int) and isinstance(last, int):
        lost = f"{last - first + 1:,} {lost} (seq {first} to {last})"
    return f"GAP     {data.get('channel', '')}: {lost}", "urgent"


def _anything(data: Data) -> tuple[str, str]:
    return msgspec.json.encode(data).decode(), ""


_SAY: dict[str, Callable[[Data], tuple[str, str]]] = {
    "portfolio_update": _portfolio,
    "trade_update": _trade,
    "price_update": _price,
    "news_update": _news,
    "command_update": _command,
    "gap": _gap,
}


# ------------------------------------------------------------------------------------------------------ how it is said


def _who(kind: str, data: Data) -> str:
    """Begin a line: what it is about. A symbol is never cut: EURUSD.pro and EURUSD.raw are two."""
    symbol = str(data.get("symbol", ""))
    return f"{kind:<7} {data.get('ea_id', '')!s:<6} {symbol}{' ' * (10 - cells(symbol))}"


def fitted(text: object, width: int) -> str:
    """Bring a text to so many cells of a terminal; what is too long ends in an ellipsis."""
    whole = str(text)
    if cells(whole) > width:
        while cells(whole) > width - 1:
            whole = whole[:-1]
        whole = f"{whole.rstrip()}…"
    return whole + " " * (width - cells(whole))


def cells(text: str) -> int:
    """Count the cells that a text takes on a terminal: Chinese takes two each."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def duration(ms: float) -> str:
    """Say a duration in the unit that suits it."""
    if ms < 1_000:
        return f"{max(ms, 0):.0f} ms"
    if ms < 10_000:
        return f"{ms / 1_000:.1f} s"
    if ms < 120_000:
        return f"{ms / 1_000:.0f} s"
    if ms < 7_200_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 3_600_000:.0f} h" if ms < 172_800_000 else f"{ms / 86_400_000:.0f} d"


def signed(value: object) -> str:
    """Write money with its sign, in groups of three digits."""
    return f"{value:+,.2f}".replace(",", " ") if isinstance(value, int | float) else str(value or "")


def amount(value: object) -> str:
    """Write a number with two digits after the point, in groups of three."""
    return f"{value:,.2f}".replace(",", " ") if isinstance(value, int | float) else str(value)


def _clock(utc: object, form: str = "time") -> str:
    """Say a moment of ISO 8601 in UTC, as a time of day or with its date."""
    text = str(utc or "")
    return f"{text[11:16] if form == 'time' else text[:16].replace('T', ' ')} UTC" if len(text) >= 16 else "?"
