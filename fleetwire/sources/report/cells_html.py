"""Rows of all tables of a page, read as a stream: UTF-16 with a byte order mark or without, UTF-8 with or without.

A hidden cell (`class="hidden"`) is a cell like any other: terminals write it in each row, headings too.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO, Final

from fleetwire.sources.report.rows import CELL_CHARS_MAX, CELLS_PER_ROW_MAX, Row, one_spaced
from fleetwire.wire.errors import ReportError

CHUNK_BYTES: Final = 2**14
UNPARSED_CHARS_MAX: Final = 2**16  # a tag without an end is searched again with every chunk
SPAN_MAX: Final = 64
PIECES_BETWEEN_ROWS_MAX: Final = 200_000  # tags, texts and comments; a row has at most some hundreds


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield each table row that has a cell; rows are counted over the whole page.

    Args:
        file: the whole page, open for reading in binary.

    Raises:
        ReportError: the text is in no encoding that a terminal writes, or a table never ends.
    """
    page = _Page()
    try:
        for text in _texts(file):
            page.feed(text)
            if len(page.rawdata) > UNPARSED_CHARS_MAX:
                raise ReportError(f"after table row {page.number}: a tag without an end")
            yield from page.take()
        page.close()
    except (AssertionError, ValueError) as error:  # html.parser, on declarations that make no sense
        raise ReportError(f"after table row {page.number}: the page is damaged") from error
    yield from page.take()
    if page.tables_open:
        raise ReportError(f"the page is cut off after table row {page.number}: its table never ends")


def encoding_of(head: bytes) -> str:
    """Tell the encoding of a page from its first bytes."""
    if head.startswith((BOM_UTF16_LE, b"<\x00")):
        return "utf-16-le"
    if head.startswith((BOM_UTF16_BE, b"\x00<")):
        return "utf-16-be"
    return "utf-8"


def _texts(file: BinaryIO) -> Iterator[str]:
    chunk = file.read(CHUNK_BYTES)
    encoding = encoding_of(chunk)
    for mark in (BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE):
        chunk = chunk.removeprefix(mark)
    decoder = getincrementaldecoder(encoding)()
    done_bytes = 0
    while chunk:
        try:
            yield decoder.decode(chunk)  # never final: terminals leave a stray odd byte at the end of UTF-16
        except UnicodeDecodeError as error:
            raise ReportError(f"near byte {done_bytes + error.start}: the text is not {encoding.upper()}") from error
        done_bytes += len(chunk)
        chunk = file.read(CHUNK_BYTES)


class _Page(HTMLParser):
    """What html.parser tells of a page; only tables, rows and cells are listened to."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.number = 0
        self.tables_open = 0
        self._rows: list[Row] = []
        self._cells: list[str] = []
        self._spans: list[int] = []
        self._text: list[str] | None = None  # the pieces of the cell that is open
        self._chars = 0
        self._pieces = 0  # since the last row

    def take(self) -> list[Row]:
        """The rows that are complete by now."""
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._count_piece()
        if tag == "table":
            self.tables_open += 1
            self._end_row()
        elif tag == "tr":
            self._end_row()
            self.number += 1
        elif tag in ("td", "th"):
            self._end_cell()
            self._text = []
            self._chars = 0
            self._spans.append(_span(attrs))
            if len(self._spans) > CELLS_PER_ROW_MAX:
                raise ReportError(f"table row {self.number} has more than {CELLS_PER_ROW_MAX} cells")
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self._count_piece()
        if tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_row()
            self.tables_open = max(0, self.tables_open - 1)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - counted, not read
        self._count_piece()

    def handle_pi(self, data: str) -> None:  # noqa: ARG002 - counted, not read
        self._count_piece()

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002 - counted, not read
        self._count_piece()

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002 - counted, not read
        self._count_piece()

    def handle_data(self, data: str) -> None:
        self._count_piece()
        if self._text is None:
            return
        self._chars += len(data)
        if self._chars > CELL_CHARS_MAX:
            raise ReportError(f"table row {self.number} has a cell of more than {CELL_CHARS_MAX} characters")
        self._text.append(data)

    def _count_piece(self) -> None:
        self._pieces += 1
        if self._pieces > PIECES_BETWEEN_ROWS_MAX:
            much = f"more than {PIECES_BETWEEN_ROWS_MAX} tags and texts"
            raise ReportError(f"after table row {self.number}: {much} without a row")

    def _end_cell(self) -> None:
        if self._text is not None:
            self._cells.append(one_spaced("".join(self._text)))
            self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells:
            self._rows.append(Row(self.number, self._cells, of_sheet=False, spans=self._spans))
            self._pieces = 0
        self._cells, self._spans = [], []


def _span(attrs: list[tuple[str, str | None]]) -> int:
    for name, value in attrs:
        if name == "colspan" and value and len(value) < 4 and value.isdecimal():
            return max(1, min(SPAN_MAX, int(value)))
    return 1
