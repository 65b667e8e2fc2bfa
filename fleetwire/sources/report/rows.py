"""What a report is made of before anybody makes sense of it: rows of text cells that know where they stand."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

ROWS_MAX: Final = 500_000  # a genuine report has three or four rows for each trade
CELLS_PER_ROW_MAX: Final = 256
CELL_CHARS_MAX: Final = 65_536  # twice what a workbook's cell can hold


class Row(Struct, frozen=True):
    """One row of a sheet or of a table on a page.

    `number` counts from 1. `cells` are the texts, with every kind of space made a plain one. `spans` says over how many
    columns each cell reaches (a page's colspan); empty where each reaches over one (a sheet). `sheet` tells the sheets
    of a workbook apart.
    """

    number: int
    cells: Sequence[str]
    of_sheet: bool
    spans: Sequence[int] = ()
    sheet: int = 0

    def where(self, index: int | None = None) -> str:
        """Name the row, or one cell of it, as people find it: `row 1903, cell F1903`, `table row 40, cell 6`."""
        if self.of_sheet:
            return f"row {self.number}" + ("" if index is None else f", cell {column_name(index)}{self.number}")
        return f"table row {self.number}" + ("" if index is None else f", cell {index + 1}")

    def columns(self) -> list[str]:
        """The texts with each cell at the column where it begins, the columns that it reaches over being empty."""
        if not self.spans:
            return list(self.cells)
        columns: list[str] = []
        for text, span in zip(self.cells, self.spans, strict=True):
            columns.append(text)
            columns.extend([""] * (span - 1))
        return columns


def column_name(index: int) -> str:
    """The letters of a sheet's column, from 0: A, B, ... Z, AA."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def one_spaced(text: str) -> str:
    """Make every run of spaces (no-break, thin and figure spaces too) one plain space, none at the ends."""
    return " ".join(text.split())
