"""Rows of a workbook's sheets (ECMA-376, .xlsx), read as a stream and within limits that trust no header.

Only what a sheet needs to show its values is understood: shared and inline strings, numbers, times, and what a formula
last came to. Anything else is passed over; a document type (the door of entity bombs) is refused.
"""

import re
from collections.abc import Callable, Iterator
from posixpath import join, normpath
from typing import BinaryIO, Final, TypeAlias
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile
from zlib import error as DeflateError

from fleetwire.sources.report.dates_xlsx import NumberFormats, shown_time
from fleetwire.sources.report.rows import CELL_CHARS_MAX, CELLS_PER_ROW_MAX, ROWS_MAX, Row, one_spaced
from fleetwire.wire.errors import ReportError

UNPACKED_BYTES_MAX: Final = 256 * 2**20  # of all parts together, counted as they come out
SHARED_CHARS_MAX: Final = 8 * 2**20
SHARED_STRINGS_MAX: Final = 400_000
SILENT_BYTES_MAX: Final = 2**20  # XML without a tag or text: the parser would have to hold all of it
DIRECTORY_BYTES_MAX: Final = 2**20  # the list of what is in the zip: about 10,000 parts
EVENTS_MAX: Final = 16_000_000  # tags and texts of all parts together
SHEETS_MAX: Final = 64  # that are tried; a report stands on the first, or near it
COLUMNS_MAX: Final = 16_384  # cells that one row can have (ECMA-376)
ROW_EVENTS_MAX: Final = 200_000  # tags and texts of one row
ROW_BYTES_MAX: Final = 8 * 2**20  # of one row, as XML
DEPTH_MAX: Final = 32  # of tags in tags
CHUNK_BYTES: Final = 2**16

Attributes: TypeAlias = dict[str, str]

_cell_reference = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows that have any cell, sheet by sheet in the workbook's order; each is unpacked when it is reached.

    Args:
        file: the whole .xlsx, open for reading in binary and seekable.

    Raises:
        ReportError: the workbook is damaged, encrypted, too big, or no workbook.
    """
    try:
        _check_directory(file)
        with ZipFile(file) as archive:
            yield from _Workbook(archive).rows()
    except (BadZipFile, DeflateError, EOFError) as error:
        raise ReportError(f"the workbook is damaged or cut off ({_first_line(error)})") from error
    except (NotImplementedError, RuntimeError) as error:  # RuntimeError: what zipfile says of a part that is encrypted
        raise ReportError(f"the workbook can't be unpacked ({_first_line(error)})") from error
    except expat.ExpatError as error:
        raise ReportError(f"the workbook's XML is damaged ({_first_line(error)})") from error
    except (ValueError, OSError, LookupError, OverflowError) as error:  # zipfile, on directories that make no sense
        raise ReportError(f"the workbook is damaged ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return one_spaced(str(error))[:120] or type(error).__name__


def _check_directory(file: BinaryIO) -> None:
    """Refuse a zip whose directory is bigger than any workbook's, before zipfile makes an object of each entry.

    The end record is found as zipfile finds it (APPNOTE.TXT 4.3.16): the last 22 bytes, or the last signature.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = len(tail) - 22
    if tail[at : at + 4] != b"PK\x05\x06" or tail[-2:] != b"\x00\x00":
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise ReportError("the workbook is cut off: the directory at its end is missing")
    if int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY_BYTES_MAX or b"PK\x06\x07" in tail[:at]:
        raise ReportError("the workbook's directory is far too big for a report")
    file.seek(0)


class _Workbook:
    """The parts of one .xlsx that lead to its sheets, and what they add up to."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._unpacked_bytes = 0
        self._events = 0  # of the parts that are done
        self._from_1904 = False

    def rows(self) -> Iterator[Row]:
        names = set(self._archive.namelist())
        if "xl/workbook.xml" not in names:
            kind = "a Word document" if "word/document.xml" in names else "a zip archive"
            raise ReportError(f"this is no report of MetaTrader 5: it seems to be {kind}, not a workbook")
        sheets = self._sheets()
        if not sheets or sheets[0] not in names:
            raise ReportError("the workbook is damaged: its first sheet is missing")
        strings, styles = _SharedStrings(), _Styles()
        for part, handler in (("xl/sharedStrings.xml", strings), ("xl/styles.xml", styles)):
            if part in names:
                self._walk(part, handler)
        for number, part in enumerate(sheets):
            if part in names:
                parsed = _Sheet(number, strings.texts, styles.formats, self._from_1904)
                for _ in self._parse(part, parsed):
                    yield from parsed.take()

    def _sheets(self) -> list[str]:
        """The parts that hold the sheets, in the workbook's order."""
        book, relations = _Attributes("sheet", "workbookPr"), _Attributes("Relationship")
        self._walk("xl/workbook.xml", book)
        self._walk("xl/_rels/workbook.xml.rels", relations)
        self._from_1904 = any(one.get("date1904") in ("1", "true") for one in book.found["workbookPr"])
        targets = {row.get("Id", ""): row.get("Target", "") for row in relations.found["Relationship"]}
        wanted = (
            next((v for k, v in sheet.items() if _local(k) == "id"), "") for sheet in book.found["sheet"][:SHEETS_MAX]
        )
        return [_part_named(targets.get(relation, "")) for relation in wanted]

    def _walk(self, part: str, handler: "_Handler") -> None:
        for _ in self._parse(part, handler):
            pass

    def _parse(self, part: str, handler: "_Handler") -> Iterator[None]:
        """Feed one part to a handler, and pause after each chunk."""
        info = self._archive.getinfo(part)
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ReportError(f"the workbook can't be unpacked: {part} is compressed in an unusual way")
        parser = _parser(handler)
        silent_bytes = 0
        with self._archive.open(info) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                self._unpacked_bytes += len(chunk)
                if self._unpacked_bytes > UNPACKED_BYTES_MAX:
                    raise ReportError(f"the workbook unpacks to more than {UNPACKED_BYTES_MAX // 2**20} MiB")
                before = handler.events
                parser.Parse(chunk, False)
                silent_bytes = 0 if handler.events != before else silent_bytes + len(chunk)
                if silent_bytes > SILENT_BYTES_MAX:
                    raise ReportError(f"the workbook is damaged: {part} has a tag without an end")
                if self._events + handler.events > EVENTS_MAX:
                    raise ReportError(f"the workbook has more than {EVENTS_MAX} tags and texts: the last in {part}")
                handler.fed(len(chunk))
                yield
        parser.Parse(b"", True)
        self._events += handler.events
        yield


def _part_named(target: str) -> str:
    """The name in the zip of what the workbook's relations call by `target`."""
    return target[1:] if target.startswith("/") else normpath(join("xl", target))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parser(handler: "_Handler") -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise ReportError("the workbook declares a document type, which no report does")


class _Handler:
    """What expat tells of one part; `events` counts, so that a part which tells nothing is noticed."""

    def __init__(self) -> None:
        self.events = 0
        self._depth = 0
        self._text: list[str] | None = None  # the pieces of what is being collected; None while nothing is
        self._chars = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        self.events += 1
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ReportError(f"the workbook is damaged: its tags stand more than {DEPTH_MAX} deep in each other")
        self.opened(_local(tag), attributes)

    def end(self, tag: str) -> None:
        self.events += 1
        self._depth -= 1
        self.closed(_local(tag))

    def text(self, text: str) -> None:
        self.events += 1
        if self._text is not None:
            self._text.append(text)
            self._chars += len(text)
            if self._chars > CELL_CHARS_MAX:
                raise ReportError(f"the workbook has a text of more than {CELL_CHARS_MAX} characters")

    def collect(self) -> None:
        self._text = []
        self._chars = 0

    def collected(self) -> str:
        text = "".join(self._text or ())
        self._text = None
        return text

    def fed(self, size_bytes: int) -> None:
        """Be told that so much more of the part was parsed."""

    def opened(self, tag: str, attributes: Attributes) -> None: ...

    def closed(self, tag: str) -> None: ...


class _Attributes(_Handler):
    """The attributes of every element of some names (a handful: of a list of sheets, of relations)."""

    def __init__(self, *tags: str) -> None:
        super().__init__()
        self.found: dict[str, list[Attributes]] = {tag: [] for tag in tags}

    def opened(self, tag: str, attributes: Attributes) -> None:
        found = self.found.get(tag)
        if found is not None and len(found) < CELLS_PER_ROW_MAX:
            found.append(attributes)


class _Styles(_Handler):
    """Which of the cells' styles show a number as a time: a cell names one of <cellXfs>, that a format."""

    def __init__(self) -> None:
        super().__init__()
        self.formats = NumberFormats()
        self._of_cells = False

    def opened(self, tag: str, attributes: Attributes) -> None:
        if tag == "numFmt":
            self.formats.define(attributes.get("numFmtId", ""), attributes.get("formatCode", ""))
        elif tag == "cellXfs":
            self._of_cells = True
        elif tag == "xf" and self._of_cells:
            self.formats.add_style(attributes.get("numFmtId", ""))

    def closed(self, tag: str) -> None:
        if tag == "cellXfs":
            self._of_cells = False


class _SharedStrings(_Handler):
    """The strings that cells name by number. A string is all <t> in its <si>, but for phonetic hints (<rPh>)."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._phonetic = False
        self._total_chars = 0

    def opened(self, tag: str, attributes: Attributes) -> None:  # noqa: ARG002 - as every handler
        if tag == "rPh":
            self._phonetic = True
        elif tag == "t" and not self._phonetic:
            self.collect()

    def closed(self, tag: str) -> None:
        if tag == "t" and not self._phonetic:
            self._pieces.append(self.collected())
            self._total_chars += len(self._pieces[-1]) + 1  # a piece costs memory even if it is empty
            if self._total_chars > SHARED_CHARS_MAX:
                raise ReportError("the workbook has far more text than a report")
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self.texts.append(one_spaced("".join(self._pieces)))
            self._pieces.clear()
            if len(self.texts) > SHARED_STRINGS_MAX:
                raise ReportError(f"the workbook has more than {SHARED_STRINGS_MAX} texts")


class _Sheet(_Handler):
    """Rows and cells of a worksheet. A cell's place is its reference; without one it follows the cell before."""

    def __init__(self, sheet: int, shared: list[str], formats: NumberFormats, from_1904: bool) -> None:
        super().__init__()
        self._sheet = sheet
        self._shared = shared
        self._formats = formats
        self._from_1904 = from_1904
        self._rows: list[Row] = []
        self._row_cells = self._row_bytes = 0
        self._row_began: int | None = None  # at which event; None between rows
        self._number = 0
        self._cells: list[str] = []
        self._column = -1
        self._kind = "n"
        self._style = ""
        self._value = ""
        self._opens: dict[str, Callable[[Attributes], None]] = {"row": self._open_row, "c": self._open_cell}

    def take(self) -> list[Row]:
        """The rows that are complete by now."""
        rows, self._rows = self._rows, []
        return rows

    def opened(self, tag: str, attributes: Attributes) -> None:
        if tag in self._opens:
            self._opens[tag](attributes)
        elif tag == "v" or (tag == "t" and self._kind == "inlineStr"):
            self.collect()

    def closed(self, tag: str) -> None:
        if tag == "v" or (tag == "t" and self._kind == "inlineStr"):
            self._value += self.collected()  # an inline text can come in pieces
            if len(self._value) > CELL_CHARS_MAX:
                raise ReportError(f"row {self._number} has a cell of more than {CELL_CHARS_MAX} characters")
        elif tag == "c":
            self._close_cell()
        elif tag == "row":
            self._close_row()

    def fed(self, size_bytes: int) -> None:
        """Refuse a row that goes on and on; counted in whole chunks, from the one in which it was first seen open."""
        if self._row_began is None:
            self._row_bytes = 0
            return
        self._row_bytes += size_bytes
        if self._row_bytes > ROW_BYTES_MAX or self.events - self._row_began > ROW_EVENTS_MAX:
            raise ReportError(f"row {self._number} goes on and on: a report's has some cells of some characters")

    def _open_row(self, attributes: Attributes) -> None:
        given = attributes.get("r", "")
        self._number = int(given) if given.isdecimal() and len(given) < 8 else self._number + 1
        if self._number > 2 * ROWS_MAX:
            raise ReportError(f"the sheet has more than {2 * ROWS_MAX} rows")
        self._cells = []
        self._column = -1
        self._row_cells = self._row_bytes = 0
        self._row_began = self.events

    def _close_row(self) -> None:
        self._row_began = None
        if self._cells:
            self._rows.append(Row(self._number, self._cells, of_sheet=True, sheet=self._sheet))
            self._cells = []

    def _open_cell(self, attributes: Attributes) -> None:
        self._row_cells += 1
        if self._row_cells > COLUMNS_MAX:
            raise ReportError(f"row {self._number} has more than {COLUMNS_MAX} cells")
        reference = _cell_reference.fullmatch(attributes.get("r", ""))
        self._column = _column_index(reference[1]) if reference else self._column + 1
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._value = ""

    def _close_cell(self) -> None:
        if self._column < 0 or self._column >= CELLS_PER_ROW_MAX or not self._value:
            return  # nothing of a report stands that far to the right
        text = self._shown()
        self._cells.extend([""] * (self._column + 1 - len(self._cells)))
        self._cells[self._column] = text

    def _shown(self) -> str:
        if self._kind == "s":
            return self._shared_text()
        text = one_spaced(self._value)
        if self._kind == "d" or (self._kind == "n" and self._formats.show_time(self._style)):
            return shown_time(text, self._from_1904) or text
        return text

    def _shared_text(self) -> str:
        if not (self._value.isdecimal() and len(self._value) < 8 and int(self._value) < len(self._shared)):
            place = f"row {self._number}, column {self._column + 1}"
            raise ReportError(f"{place}: the cell names a text ({self._value[:20]!r}) that the workbook doesn't have")
        return self._shared[int(self._value)]


def _column_index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
