"""The head of a report: whose it is. Labels are in any language, so values are known by their form and their order."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from fleetwire.sources.report.rows import Row
from fleetwire.sources.report.values import whole_number

# 400000005 (JPY, Broker-Server, demo, Hedge)
_account = re.compile(r"([0-9]{1,19}) \(([^()]*,[^()]*)\)")
# VantageMarkets-Demo (Build 5836)
_tester_server = re.compile(r"([^()]*[^() ]) \([^()0-9]*([0-9]{2,6})\)")
# M1 (2020.01.01 - 2026.06.13)
_period = re.compile(r"[A-Za-z]+[0-9]* \([0-9]{4}\.[0-9]{2}\.[0-9]{2}\b.*\)")
_leverage = re.compile(r"1:([0-9]{1,6})")
_currency = re.compile(r"[A-Za-z][A-Za-z0-9]{2,9}")

MAGIC: Final = "magic"  # what experts call the input, whatever stands before and behind


class Head(Struct, frozen=True, kw_only=True):
    """What stands above the tables. `leverage` and `period` are the tester's, `login` and `name` a history's."""

    kind: Literal["tester", "history"]
    expert: str
    symbol: str = ""
    magic: int = 0
    server: str = ""
    login: int = 0
    name: str = ""
    company: str = ""
    currency: str = ""
    leverage: int = 0
    period: str = ""
    netting: bool = False


def read_head(rows: Sequence[Row]) -> Head | None:
    """Make sense of the rows above the first table; None if they are of no report."""
    values = [_value(row) for row in rows]
    for at, value in enumerate(values):
        if found := _account.fullmatch(value):
            return _history_head(found, values, at)
    return _tester_head(rows, values)


def _value(row: Row) -> str:
    """What a row `label: value` says: its last text, unless the label is all there is."""
    last = next((at for at in range(len(row.cells) - 1, 0, -1) if row.cells[at]), 0)
    return row.cells[last] if last else ""


def _history_head(account: re.Match[str], values: Sequence[str], at: int) -> Head | None:
    login = whole_number(account[1])
    currency, server, *kinds = (part.strip() for part in account[2].split(","))
    if login is None or not _currency.fullmatch(currency):
        return None
    return Head(
        kind="history",
        expert=str(login),
        login=login,
        server=server,
        currency=currency,
        name=values[at - 1] if at else "",
        company=values[at + 1] if at + 1 < len(values) else "",
        netting=any(kind.lower() in ("netting", "exchange") for kind in kinds),
    )


def _tester_head(rows: Sequence[Row], values: Sequence[str]) -> Head | None:
    """Settings stand in this order: expert, symbol, period, inputs, company, currency, deposit, leverage."""
    period = next((at for at, value in enumerate(values) if _period.fullmatch(value)), -1)
    leverage = next((at for at, value in enumerate(values) if at > period and _leverage.fullmatch(value)), -1)
    if period < 2 or leverage < period + 3:
        return None
    currency = values[leverage - 2]
    titles = (_tester_server.fullmatch(text) for row in rows[: period - 2] for text in row.cells if text)
    return Head(
        kind="tester",
        expert=values[period - 2],
        symbol=values[period - 1],
        period=values[period],
        magic=_magic(values[period + 1 : leverage - 2]),
        company=values[leverage - 3] if leverage - 3 > period else "",
        currency=currency if _currency.fullmatch(currency) else "",
        leverage=int(values[leverage][2:]),
        server=next((found[1] for found in titles if found), ""),
    )


def _magic(inputs: Sequence[str]) -> int:
    """The first input `name=value` whose name speaks of a magic and whose value is one; 0 if there is none."""
    for text in inputs:
        name, _, value = text.partition("=")
        if MAGIC in name.lower() and (magic := whole_number(value.strip())) is not None:
            return magic
    return 0
