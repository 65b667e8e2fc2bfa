"""The deals table of a report: found by its structure and values, and checked against its own running balance."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import TRADE_TYPES, Deal
from fleetwire.sources.report.rows import Row
from fleetwire.sources.report.values import (
    ENTRIES,
    OTHER_TYPES,
    decimals,
    number,
    time_msc,
    whole_number,
)
from fleetwire.wire.errors import ReportError

DEALS_MAX: Final = 200_000
NAME_CHARS_MAX: Final = 64  # of a symbol or a type; MetaTrader allows 32
COMMENT_CHARS_MAX: Final = 256  # likewise
WITHOUT_DECIMALS: Final = frozenset({"JPY", "KRW", "VND", "CLP"})
MONEY_DIGITS: Final = 2  # of any other currency, unless the report prints more
MONEY_DIGITS_MAX: Final = 8  # more come from a number that a spreadsheet has calculated

# Every table begins with time, deal, symbol, type, direction, volume, price, order and ends with balance, comment.
TIME, TICKET, SYMBOL, TYPE, ENTRY, VOLUME, PRICE, ORDER = range(8)


class Layout(Struct, frozen=True):
    """In which columns a table of some width has its money; 0, which is never one of money, if it lacks the column."""

    commission: int
    swap: int
    profit: int
    balance: int
    fee: int = 0


LAYOUTS: Final = {
    13: Layout(commission=8, swap=9, profit=10, balance=11),  # the tester's
    14: Layout(commission=8, fee=9, swap=10, profit=11, balance=12),  # a history's without its hidden cost
    15: Layout(commission=9, fee=10, swap=11, profit=12, balance=13),  # a history's: the hidden cost is column 8
}


def looks_like_deal(row: Row) -> bool:
    """Tell whether a row can only be one of a deals table (no position and no order has a direction)."""
    cells = row.cells
    if len(cells) < 12 or time_msc(cells[TIME]) is None or whole_number(cells[TICKET]) is None:
        return False
    if time_msc(cells[8]) is not None or time_msc(cells[9]) is not None:  # a position's or an order's second time
        return False
    if cells[TYPE] in TRADE_TYPES:
        return cells[ENTRY] in ENTRIES
    return cells[TYPE] in OTHER_TYPES and not cells[ENTRY]


def layout_below(heading: Row | None, first: Row) -> tuple[int, Layout]:
    """Tell from the row of headings how wide the deals table is, and where its columns are.

    Raises:
        ReportError: what stands above the first deal is no row of headings, or of a table of unknown width.
    """
    cells = heading.cells if heading else ()
    if heading is None or len(cells) < 12 or any(number(c) is not None or time_msc(c) is not None for c in cells):
        above = heading.where() if heading else "nothing"
        raise ReportError(f"{first.where()} is a deal, but above it stands no row of headings: {above} is damaged")
    if len(cells) not in LAYOUTS:
        raise ReportError(f"{heading.where()}: a deals table of {len(cells)} columns is of no report known here")
    return len(cells), LAYOUTS[len(cells)]


class DealsTable:
    """Takes the rows of the deals table one by one.

    Args:
        width: columns of the table.
        layout: where its money is.
        money_digits: decimals of the account's currency.
        magic: what each trade deal is stamped with.
    """

    def __init__(self, width: int, layout: Layout, currency: str, magic: int) -> None:
        self.deals: list[Deal] = []
        self.money_digits = 0 if currency.upper() in WITHOUT_DECIMALS else MONEY_DIGITS
        self.opening_balance = 0.0
        self.ended = False
        self._width = width
        self._layout = layout
        self._magic = magic
        self._balance = 0.0
        self._tickets: set[int] = set()
        self._texts: dict[str, str] = {}  # the same few symbols, types and comments stand in every row: kept once

    def add(self, row: Row) -> None:
        """Take the next row: a deal, or the totals with which the table ends.

        Raises:
            ReportError: the row is neither, repeats a ticket, or doesn't add up.
        """
        if not any(row.cells):
            return
        if not row.cells[0] and _are_totals(row.cells):
            self._check_totals(row)
            self.ended = True
            return
        if len(self.deals) >= DEALS_MAX:
            raise ReportError(f"{row.where()}: more than {DEALS_MAX} deals")
        cells = self._fitted(row)
        deal = self._deal(row, cells)
        if deal.ticket in self._tickets:
            raise ReportError(f"{row.where(TICKET)}: deal {deal.ticket} is listed twice")
        self._tickets.add(deal.ticket)
        self._check_balance(row, cells, deal)
        self.deals.append(deal)

    def _fitted(self, row: Row) -> Sequence[str]:
        """The row's cells at the table's columns."""
        cells = row.cells
        if row.of_sheet and len(cells) <= self._width:  # a sheet's row ends with its last cell that has a value
            return [*cells, *[""] * (self._width - len(cells))]
        if len(cells) == self._width or len(cells := row.columns()) == self._width:
            return cells
        raise ReportError(f"{row.where()} has {len(row.cells)} cells where the deals table has {self._width}")

    def _deal(self, row: Row, cells: Sequence[str]) -> Deal:
        kind, entry, symbol = cells[TYPE], cells[ENTRY], cells[SYMBOL]
        trade = kind in TRADE_TYPES
        if trade and entry not in ENTRIES:
            raise ReportError(f"{row.where(ENTRY)}: {_quoted(entry)} is no direction of a deal")
        if not trade and (entry or not _is_name(kind)):
            raise ReportError(f"{row.where(TYPE)}: {_quoted(kind)} is no type of a deal")
        if (trade and not symbol) or len(symbol) > NAME_CHARS_MAX:
            raise ReportError(f"{row.where(SYMBOL)}: {_quoted(symbol)} is no symbol")
        when, ticket = time_msc(cells[TIME]), whole_number(cells[TICKET])
        if when is None:
            raise ReportError(f"{row.where(TIME)}: {_quoted(cells[TIME])} is no time like 2025.07.25 11:10:58")
        if ticket is None:
            raise ReportError(f"{row.where(TICKET)}: {_quoted(cells[TICKET])} is no deal's number")
        order = whole_number(cells[ORDER]) if cells[ORDER] else 0
        if order is None:
            raise ReportError(f"{row.where(ORDER)}: {_quoted(cells[ORDER])} is no order's number")
        volume = _amount(row, cells, VOLUME, required=trade)
        if volume < 0 or (trade and volume == 0):
            raise ReportError(f"{row.where(VOLUME)}: {_quoted(cells[VOLUME])} is no volume")
        at = self._layout
        return Deal(
            ticket=ticket,
            order=order,
            time_msc=when,
            type=self._once(kind),
            entry=self._once(entry),
            magic=self._magic if trade else 0,
            volume=volume,
            price=_amount(row, cells, PRICE, required=trade),
            commission=_amount(row, cells, at.commission),
            swap=_amount(row, cells, at.swap),
            fee=_amount(row, cells, at.fee) if at.fee else 0.0,
            profit=_amount(row, cells, at.profit, required=True),
            symbol=self._once(symbol),
            comment=self._once(cells[-1][:COMMENT_CHARS_MAX]),
        )

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _check_balance(self, row: Row, cells: Sequence[str], deal: Deal) -> None:
        """Compare the running balance with the one before and what the deal brought; a unit is left for rounding."""
        at = self._layout
        balance = _amount(row, cells, at.balance, required=True)
        for text in (cells[at.profit], cells[at.balance]):
            if self.money_digits < decimals(text) <= MONEY_DIGITS_MAX:
                self.money_digits = decimals(text)
        amount = deal.profit + deal.commission + deal.swap + deal.fee
        if not self.deals:
            opening = round(balance - amount, self.money_digits)
            # a history of some weeks begins with the balance of the weeks before
            self.opening_balance = opening if abs(opening) > self._tolerance(balance) else 0.0
        elif deal.type == "credit" and abs(self._balance - balance) <= self._tolerance(balance):
            pass  # a credit that the terminal keeps beside the balance
        elif abs(self._balance + amount - balance) > self._tolerance(balance):
            expected = f"{self._balance + amount:.{self.money_digits}f}"
            raise ReportError(
                f"{row.where(at.balance)}: the balance is {_quoted(cells[at.balance])}, the deals make {expected}"
            )
        self._balance = balance

    def _tolerance(self, balance: float) -> float:
        # the last bit of a float is more than a unit only for balances that no account has
        return 1.001 * 10.0**-self.money_digits + abs(balance) * 1e-15

    def _check_totals(self, row: Row) -> None:
        at = self._layout.balance
        columns = row.columns()
        total = number(columns[at]) if at < len(columns) else None
        if total is not None and abs(total - self._balance) > self._tolerance(total):
            reached = f"{self._balance:.{self.money_digits}f}"
            raise ReportError(f"{row.where()}: the totals end with {_quoted(columns[at])}, the deals with {reached}")


def _is_name(text: str) -> bool:
    """Tell whether a text can be a type of a deal that isn't known here: words of letters."""
    return len(text) <= NAME_CHARS_MAX and text.replace(" ", "").replace("_", "").isalpha()


def _are_totals(cells: Sequence[str]) -> bool:
    texts = [text for text in cells if text]
    return len(texts) >= 2 and all(number(text) is not None for text in texts)


def _amount(row: Row, cells: Sequence[str], at: int, required: bool = False) -> float:
    text = cells[at]
    if not text and not required:
        return 0.0
    value = number(text)
    if value is None or abs(value) > 1e15:
        raise ReportError(f"{row.where(at)}: {_quoted(text)} is no number")
    return value


def _quoted(text: str) -> str:
    """A cell's text for a message: short, and nothing in it can break the line."""
    return ascii(text if len(text) <= 40 else text[:37] + "...") if text else "an empty cell"
