"""Reading a genuine MetaTrader 5 report: the Strategy Tester's or an account's trade history, as .xlsx or as .html."""

import os
import stat
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Final, Literal

from msgspec import Struct

from fleetwire.fleet.events import Deal
from fleetwire.sources.report import cells_html, cells_xlsx
from fleetwire.sources.report.deals import DealsTable, layout_below, looks_like_deal
from fleetwire.sources.report.head import Head, read_head
from fleetwire.sources.report.positions import number_positions
from fleetwire.sources.report.rows import ROWS_MAX, Row
from fleetwire.sources.report.sections import (
    ClosedPosition,
    Entered,
    StillOpen,
    closed_position,
    entered_by_order,
    still_open,
)
from fleetwire.sources.report.values import time_msc, whole_number
from fleetwire.wire.errors import ReportError

FILE_BYTES_MAX: Final = 128 * 2**20
HEAD_ROWS_MAX: Final = 2000  # an expert can have many inputs
HEAD_CHARS_MAX: Final = 2**20
POSITIONS_MAX: Final = 200_000

# What the first bytes of files that are no report say of them.
_foreign: Final = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Office file: save it as .xlsx without a password"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "a SQLite database"),
)


class Report(Struct, frozen=True, kw_only=True):
    """A MetaTrader 5 report.

    `expert` is the expert's name, for a history the login as text. `symbol` is the one symbol of all deals, empty where
    there are several. `magic` comes from the tester's inputs and is 0 where none tells it. `leverage` is 100 for 1:100,
    and 0 where the report is silent. `opening_balance` is what was on the account before the first deal (a history of a
    part of an account's life); `initial_deposit` is that, or the first deal of type `balance`. Money is in `currency`,
    with `money_digits` decimals. The times of `deals` are the trade server's clock, not UTC.
    """

    kind: Literal["tester", "history"]
    expert: str
    symbol: str
    magic: int
    server: str
    login: int
    name: str
    company: str
    currency: str
    leverage: int
    initial_deposit: float
    opening_balance: float
    period: str
    deals: tuple[Deal, ...]
    money_digits: int


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a report, whatever its file is called: what it is shows in its content.

    Raises:
        ReportError: the file can't be read, is no report of MetaTrader 5, or is damaged. One line, that says where.
    """
    shown = Path(path).name or os.fspath(path)
    try:
        with _opened(Path(path)) as file:
            return _read(file)
    except ReportError as error:
        raise ReportError(_one_line(f"{shown}: {error}")) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReportError(_one_line(f"{shown}: the file can't be read: {reason}")) from error


def _one_line(text: str) -> str:
    """What any console can print, and nothing of a file can break: names in it may hold whatever they like."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def _opened(path: Path) -> BinaryIO:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ReportError("this is a directory, not a report")
    if not stat.S_ISREG(mode):  # a pipe would make the reader wait, and has no end to look at
        raise ReportError("this is no ordinary file")
    return path.open("rb")


def _read(file: BinaryIO) -> Report:
    if file.seek(0, os.SEEK_END) > FILE_BYTES_MAX:
        raise ReportError(f"the file is bigger than {FILE_BYTES_MAX // 2**20} MiB")
    file.seek(0)
    head = file.read(2048)
    file.seek(0)
    if not head:
        raise ReportError("the file is empty")
    for signature, kind in _foreign:
        if head.startswith(signature):
            raise ReportError(f"this is no report of MetaTrader 5: it seems to be {kind}")
    if head.startswith(b"PK"):
        return _read_first(cells_xlsx.read_rows(file))
    if "<" not in head.decode(cells_html.encoding_of(head), errors="replace"):
        raise ReportError("this is no report of MetaTrader 5: it is neither a workbook nor a web page")
    return _read_first(cells_html.read_rows(file))


def _read_first(rows: Iterator[Row]) -> Report:
    """Read the first sheet that has a table of deals; those before it can hold anything, or nothing."""
    seemed = ""
    for _, sheet in groupby(rows, key=attrgetter("sheet")):
        reading = _Reading()
        report = reading.read(sheet)
        if report is not None:
            return report
        seemed = seemed or reading.what_it_seems()
    raise ReportError(f"this is no report of MetaTrader 5: {seemed or 'it has no tables'}")


class _Reading:
    """One walk over the rows of a report: the head, the positions, the deals, the open positions."""

    def __init__(self) -> None:
        self._head_rows: list[Row] = []
        self._head_chars = 0
        self._positions: list[ClosedPosition] = []
        self._remaining: list[StillOpen] = []
        self._entered: dict[int, Entered] | None = None
        self._heading: Row | None = None
        self._head: Head | None = None
        self._table: DealsTable | None = None
        self._of_metatrader_4 = False

    def read(self, rows: Iterator[Row]) -> Report | None:
        """Read the rows of one sheet or page; None if no table in it is one of deals."""
        row: Row | None = None
        for count, row in enumerate(rows, 1):
            if count > ROWS_MAX:
                raise ReportError(f"more than {ROWS_MAX} rows")
            if self._table is None:
                self._before_deals(row)
            elif not self._table.ended:
                self._table.add(row)
            else:
                self._below_deals(row, self._table)
        if self._table is None or self._head is None:
            return None
        if not self._table.ended:
            last = row.where() if row else "its head"
            raise ReportError(f"the report is cut off after {last}: the deals' totals are missing")
        return self._report(self._head, self._table)

    def _before_deals(self, row: Row) -> None:
        if looks_like_deal(row):
            self._begin_deals(row)
            return
        self._heading = row
        if time_msc(row.cells[0]) is not None:
            if (position := closed_position(row)) and len(self._positions) < POSITIONS_MAX:
                self._positions.append(position)
        elif len(self._head_rows) < HEAD_ROWS_MAX and self._head_chars < HEAD_CHARS_MAX:
            self._head_rows.append(row)
            self._head_chars += sum(map(len, row.cells))
            self._of_metatrader_4 = self._of_metatrader_4 or _of_metatrader_4(row)

    def _below_deals(self, row: Row, table: DealsTable) -> None:
        if self._entered is None:
            self._entered = entered_by_order(table.deals)
        if (position := still_open(row, self._entered)) and len(self._remaining) < POSITIONS_MAX:
            self._remaining.append(position)

    def _begin_deals(self, first: Row) -> None:
        width, layout = layout_below(self._heading, first)
        self._head = read_head(self._head_rows)
        if self._head is None:
            raise ReportError(
                f"{first.where()} is a deal, but the head names neither an account nor a tester's settings"
            )
        self._table = DealsTable(width, layout, self._head.currency, self._head.magic)
        self._table.add(first)

    def what_it_seems(self) -> str:
        """Guess what it is that holds no table of deals."""
        if self._of_metatrader_4:
            return "it seems to be a statement of MetaTrader 4"
        if not self._head_rows:
            return "it has no tables"
        if read_head(self._head_rows):
            return "it has a report's head, but no table of deals"
        return "no table in it is one of deals"

    def _report(self, head: Head, table: DealsTable) -> Report:
        if head.kind == "tester" and table.opening_balance:
            raise ReportError(f"the tester's first deal leaves {table.opening_balance} of its balance unexplained")
        deposits = (deal.profit for deal in table.deals if deal.type == "balance")
        symbols = {deal.symbol for deal in table.deals if deal.symbol} or {head.symbol}
        netting = head.netting or any(deal.entry == "in/out" for deal in table.deals)
        number_positions(table.deals, self._positions, netting, self._remaining, 10.0**-table.money_digits)
        return Report(
            kind=head.kind,
            expert=head.expert,
            symbol=symbols.pop() if len(symbols) == 1 else "",
            magic=head.magic,
            server=head.server,
            login=head.login,
            name=head.name,
            company=head.company,
            currency=head.currency,
            leverage=head.leverage,
            initial_deposit=table.opening_balance or next(deposits, 0.0),
            opening_balance=table.opening_balance,
            period=head.period,
            deals=tuple(table.deals),
            money_digits=table.money_digits,
        )


def _of_metatrader_4(row: Row) -> bool:
    """Tell a row of MetaTrader 4's statements and tests: a number, a time (without seconds in tests), a type."""
    cells = row.cells
    if len(cells) < 4 or whole_number(cells[0]) is None:
        return False
    return time_msc(cells[1]) is not None or time_msc(cells[1] + ":00") is not None
