"""Reports are read whatever their form and language, and refused in one line that says where they are damaged."""

import copy
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetwire.fleet.events import Deal
from fleetwire.fleet.statistics import Statistics
from fleetwire.sources.report import Report, cells_html, cells_xlsx, read_report
from fleetwire.sources.report.dates_xlsx import has_time, shown_time
from fleetwire.sources.report.positions import number_positions
from fleetwire.sources.report.sections import ClosedPosition
from fleetwire.wire.errors import ReportError
from tests.report_files import TESTER_DEALS, TESTER_ROWS, html_page, utf16, xlsx, zipped

DATA = Path(__file__).resolve().parents[1] / "data"
TESTER = DATA / "ReportTester-Pendulum.html"
HISTORY = DATA / "ReportHistory-400000005.html"
GENUINE = "ReportTester-DailyBreakout-XAUUSD"
FIRST_DEAL = TESTER_ROWS.index(TESTER_DEALS[0])


@pytest.fixture
def read(tmp_path):
    """Read a report from its bytes, under a name that tells nothing."""

    def read_bytes(content):
        path = tmp_path / "report"
        path.write_bytes(content)
        return read_report(path)

    return read_bytes


@pytest.fixture
def refusal(read):
    """The one line with which bytes are refused."""

    def refuse(content):
        with pytest.raises(ReportError) as caught:
            read(content)
        assert str(caught.value).isprintable()
        return str(caught.value)

    return refuse


def figures(report):
    statistics = Statistics(report.money_digits, report.opening_balance)
    for deal in report.deals:
        statistics.add(deal)
    return statistics.metrics(), statistics.balance


def changed(row, column, text):
    """The tester's rows with one cell of a deal changed."""
    rows = copy.deepcopy(TESTER_ROWS)
    rows[FIRST_DEAL + row][column] = text
    return rows


# --- a genuine report -------------------------------------------------------------------------------------------


def test_every_figure_is_the_one_the_terminal_printed(genuine_reports):
    """A genuine report of 909 trades: each figure that deals can tell is the terminal's own, to the last digit."""
    expected = json.loads((genuine_reports / f"{GENUINE}.expected.json").read_text())
    report = read_report(genuine_reports / f"{GENUINE}.xlsx")
    metrics, balance = figures(report)
    assert list(metrics.items()) == list(expected["from_deals"].items())
    assert balance == expected["final_balance"]
    for field in ("expert", "symbol", "magic", "currency", "initial_deposit", "leverage"):
        assert getattr(report, field) == expected[field]
    assert (report.kind, len(report.deals), report.server) == ("tester", expected["deals"], "VantageMarkets-Demo")


def test_the_same_report_as_a_page_says_the_same(genuine_reports, read):
    """The genuine workbook's rows as a page in UTF-16: the same report, to the last deal."""
    path = genuine_reports / f"{GENUINE}.xlsx"
    with path.open("rb") as file:
        rows = [list(row.cells) for row in cells_xlsx.read_rows(file)]
    assert read(utf16(html_page(rows))) == read_report(path)


# --- forms of the same thing ------------------------------------------------------------------------------------


def test_a_tester_page_tells_its_settings_and_deals():
    """Expert, magic, server, currency and deals of a tester's page; a reversal keeps the position's number."""
    report = read_report(TESTER)
    assert (report.kind, report.expert, report.symbol, report.magic) == ("tester", "Pendulum", "EURUSD", 777)
    assert (report.server, report.company, report.currency) == ("Broker-Demo", "Broker & Sons", "USD")
    assert (report.leverage, report.initial_deposit, report.money_digits) == (500, 1000.0, 2)
    assert report.period == "H1 (2025.01.01 - 2025.02.01)"
    assert [(d.ticket, d.entry, d.position_id, d.magic) for d in report.deals] == [
        (1, "", 0, 0),
        (2, "in", 2, 777),
        (3, "out", 2, 777),
        (4, "in/out", 2, 777),
        (5, "out", 2, 777),
        (6, "in", 6, 777),
    ]
    assert report.deals[1].time_msc == 1_735_812_000_000
    metrics, balance = figures(report)
    assert (metrics["total_net_profit"], metrics["gross_profit"], balance) == (-4.0, 6.8, 995.7)


def test_a_history_in_an_unknown_language_is_read_by_its_values():
    """No label is known, cells are hidden, thousands have no-break spaces, JPY has no decimals, a byte is left over."""
    report = read_report(HISTORY)
    assert (report.kind, report.login, report.expert) == ("history", 400000005, "400000005")
    assert (report.name, report.server, report.currency) == ("Mirelu Vossankal", "Broker-Server", "JPY")
    assert (report.money_digits, report.symbol, report.initial_deposit) == (0, "", 1_000_000.0)
    assert report.deals[-1].comment == "a <b> c"
    assert report.deals[-1].fee == -5.0
    metrics, balance = figures(report)
    assert (metrics["total_trades"], metrics["total_net_profit"], balance) == (3, 2188.0, 1_302_033.0)
    assert metrics["balance_drawdown_maximal"] == 1600.0


def test_a_closing_deal_finds_its_position_by_when_that_was_closed():
    """The second position was closed first; close by closes one of each side."""
    by_ticket = {deal.ticket: deal.position_id for deal in read_report(HISTORY).deals}
    assert (by_ticket[9004], by_ticket[9007], by_ticket[9008]) == (502, 501, 504)


def test_a_part_is_closed_of_the_position_that_has_more_than_its_last_deal_closed():
    """Three positions of one side: only the second, and at the end of the report the third, were closed in part."""
    steps = [
        (1, "buy", "in", 0.3, 1),
        (2, "buy", "in", 0.3, 2),
        (3, "buy", "in", 0.3, 3),
        (4, "sell", "out", 0.1, 2),
        (5, "sell", "out", 0.2, 2),
        (6, "sell", "out", 0.1, 3),
        (7, "sell", "out", 0.3, 1),
    ]
    deals = [
        Deal(ticket=ticket, order=ticket, time_msc=ticket, type=kind, entry=entry, volume=volume, symbol="EURUSD")
        for ticket, kind, entry, volume, _ in steps
    ]
    closed = [ClosedPosition(ticket=1, close_msc=7), ClosedPosition(ticket=2, close_msc=5)]
    number_positions(deals, closed, netting=False)
    assert [deal.position_id for deal in deals] == [position_id for *_, position_id in steps]


@pytest.mark.parametrize(
    "content",
    [
        html_page(TESTER_ROWS).encode(),
        b"\xef\xbb\xbf" + html_page(TESTER_ROWS).encode(),
        b"\xfe\xff" + html_page(TESTER_ROWS).encode("utf-16-be"),
        html_page(TESTER_ROWS).encode("utf-16-le"),
        utf16(html_page(TESTER_ROWS)) + b"\n",
        html_page(TESTER_ROWS).replace("</td>", "").replace("</tr>", "").encode(),
        xlsx(TESTER_ROWS),
        xlsx(TESTER_ROWS, encoding="utf-16"),
        xlsx(TESTER_ROWS, inline=True),
        xlsx(TESTER_ROWS, numeric=False),
        xlsx(TESTER_ROWS, days=1900),
        xlsx(TESTER_ROWS, days=1904),
        xlsx(TESTER_ROWS, before=[[]]),
        xlsx(TESTER_ROWS, before=[[["Notes"], ["2025.01.02 10:00:00", "a", "b"]], [], TESTER_ROWS[:FIRST_DEAL]]),
    ],
    ids=[
        "UTF-8",
        "UTF-8 with a mark",
        "UTF-16 BE",
        "UTF-16 LE without a mark",
        "a stray byte",
        "tags left open",
        "a workbook",
        "UTF-16 inside",
        "inline strings",
        "numbers as text",
        "days since 1900",
        "days since 1904",
        "behind an empty sheet",
        "behind sheets of something else",
    ],
)
def test_one_report_in_any_form_is_the_same_report(read, content):
    """Encoding, file type, kinds of cells: none of it changes what is read."""
    assert read(content) == read_report(TESTER)


@pytest.mark.parametrize("space", ["\N{NO-BREAK SPACE}", "\N{THIN SPACE}", "\N{NARROW NO-BREAK SPACE}"])
def test_thousands_are_parted_by_any_space(read, space):
    """1 003.80 is a number, whichever space its file uses."""
    rows = [[cell.replace("1 0", f"1{space}0") for cell in row] for row in TESTER_ROWS]
    assert read(utf16(html_page(rows))) == read_report(TESTER)
    assert read(xlsx(rows)) == read_report(TESTER)


def test_a_history_of_a_part_tells_its_opening_balance(read):
    """A history whose first deal finds money on the account begins with that money."""
    text = HISTORY.read_bytes()[2:-1].decode("utf-16-le")
    rows = text.split("\r\n")
    text = "\r\n".join(row for row in rows if "9001" not in row)
    report = read(utf16(text))
    assert (report.opening_balance, report.initial_deposit, len(report.deals)) == (1_000_000.0, 1_000_000.0, 9)
    assert figures(report)[1] == 1_302_033.0


@pytest.mark.parametrize(
    ("code", "is_time"),
    [
        ("yyyy\\.mm\\.dd\\ hh:mm:ss", True),
        ("[$-409]d/m/yy h:mm AM/PM;@", True),
        ("[Blue]0.00", False),
        ('0.0" days"', False),
        ("_y0\\d", False),
        ("General", False),
        ("y" * 5000, False),
    ],
)
def test_a_format_of_times_is_known_by_its_fields(code, is_time):
    """Letters that are quoted, escaped, of a colour or of a locale are no fields."""
    assert has_time(code) is is_time


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        ("45863.465949074074", "2025.07.25 11:10:58"),
        ("45863.4659490741", "2025.07.25 11:10:58"),
        ("45863.465949079", "2025.07.25 11:10:58"),
        ("45863.46594917", "2025.07.25 11:10:58.008"),
        ("45863", "2025.07.25 00:00:00"),
        ("45863.9999999999", "2025.07.26 00:00:00"),
        ("4.5863E4", "2025.07.25 00:00:00"),
        ("2025-07-25T11:10:58", "2025.07.25 11:10:58"),
        ("0.5", None),
        ("-3", None),
        ("9999999", None),
        ("nan", None),
        ("", None),
    ],
)
def test_days_are_shown_as_the_time_they_are(days, shown):
    """Fractions of a day are seconds, however many digits a writer gave them; what is no day stays what it is."""
    assert shown_time(days, from_1904=False) == shown


# --- damage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "text", "said"),
    [
        (2, 0, "2025.01.33 10:00:00", "no time"),
        (2, 1, "x3", "no deal's number"),
        (2, 1, "2", "listed twice"),
        (2, 2, "", "is no symbol"),
        (2, 3, "b?y", "no type of a deal"),
        (2, 4, "aus", "no direction"),
        (2, 5, "-0.4", "no volume"),
        (2, 7, "3.5", "no order's number"),
        (2, 10, "8.0.0", "no number"),
        (2, 10, "8.02", "the deals make 1003.82"),
        (2, 11, "", "an empty cell is no number"),
        (1, 8, "-2.98", "the deals make 997.02"),
        (0, 0, "2025.01.0", "no row of headings"),
        (6, 11, "995.00", "the totals end with '995.00'"),
    ],
)
def test_a_damaged_cell_is_named(refusal, row, column, text, said):
    """What is wrong in a deal is said with its row and cell, in a workbook and on a page."""
    rows = changed(row, column, text)
    of_sheet, of_page = refusal(xlsx(rows)), refusal(utf16(html_page(rows)))
    assert said in of_sheet
    assert said in of_page
    assert f"row {FIRST_DEAL + row + 1}" in of_sheet
    assert "table row" in of_page


def test_a_cell_of_a_sheet_is_named_by_its_letters(refusal):
    """The line begins with the file's name, and leads to the cell."""
    number = FIRST_DEAL + 3
    assert (
        refusal(xlsx(changed(2, 4, "aus"))) == f"report: row {number}, cell E{number}: 'aus' is no direction of a deal"
    )


def test_a_refusal_can_be_printed_anywhere(tmp_path):
    """A file's name and cells may hold line breaks and letters of any script: the refusal is one line of ASCII."""
    path = tmp_path / "r\xe9sum\u00e9\n\u2212.xlsx"
    path.write_bytes(xlsx(changed(2, 10, "\u22128.0\u22120")))
    with pytest.raises(ReportError) as caught:
        read_report(path)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("without", [len(TESTER_ROWS) - 1, FIRST_DEAL + 2])
def test_a_report_with_a_row_missing_is_refused(refusal, without):
    """Neither the totals nor a deal in the middle can be lost unnoticed."""
    rows = [row for at, row in enumerate(TESTER_ROWS) if at != without]
    assert "totals are missing" in refusal(xlsx(rows)) or "the deals make" in refusal(xlsx(rows))


@pytest.mark.parametrize("path", [TESTER, HISTORY], ids=["tester", "history"])
def test_a_page_that_is_cut_off_anywhere_is_refused(refusal, path):
    """No page that ends before its last table does is taken for a shorter report."""
    content = path.read_bytes()
    end = content.rindex("</table>".encode("utf-16-le"))
    for length in (*range(2, end, 997), end, end + 14):
        assert refusal(content[:length])


def test_a_workbook_that_is_cut_off_anywhere_is_refused(refusal):
    """A zip without its end is refused, wherever it ends."""
    content = xlsx(TESTER_ROWS)
    for length in range(1, len(content), 61):
        assert refusal(content[:length])


# --- foreign files ----------------------------------------------------------------------------------------------

METATRADER_4 = (
    "<table><tr><td>Account: 1</td></tr><tr><td>7</td><td>2020.01.02 10:00:00</td><td>buy</td><td>0.1</td></tr></table>"
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        (bytes(range(128, 256)) * 9, "neither a workbook nor a web page"),
        (b"just a text", "neither a workbook nor a web page"),
        (b"<html><body>Hello</body></html>", "it has no tables"),
        (b"<table><tr><td>Hello</td></tr></table>", "no table in it is one of deals"),
        (METATRADER_4.encode(), "MetaTrader 4"),
        (html_page(TESTER_ROWS[: FIRST_DEAL - 2]).encode(), "no table of deals"),
        (html_page(TESTER_ROWS[FIRST_DEAL - 2 :]).encode(), "the head names neither"),
        (zipped({"word/document.xml": b"<w/>"}), "a Word document"),
        (zipped({"a.txt": b"a"}), "a zip archive"),
        (xlsx([["Hello"]]), "no table in it is one of deals"),
        ("<html>\udcff".encode("utf-8", "surrogateescape"), "not UTF-8"),
    ],
)
def test_a_foreign_file_is_named_for_what_it_seems(refusal, content, said):
    """A file that is no report is refused with a guess at what it is."""
    assert said in refusal(content)


def test_what_is_no_file_is_refused(tmp_path):
    """A directory, nothing at all, a pipe, a name that can't be one, and a file that may not be read."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "closed").write_bytes(b"x")
    (tmp_path / "closed").chmod(0)
    names = ["", "nothing", "pipe", "zero\0byte"] + (["closed"] if os.geteuid() else [])
    for name in names:
        with pytest.raises(ReportError):
            read_report(f"{tmp_path}/{name}")


# --- bombs ------------------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_measured_as_it_unpacks(refusal, monkeypatch):
    """The limit is on the bytes that come out, so a header that lies helps nobody."""
    monkeypatch.setattr(cells_xlsx, "UNPACKED_BYTES_MAX", 2**20)
    head = b'<worksheet xmlns="x"><sheetData>'
    assert "unpacks to more than" in refusal(xlsx([], parts={"xl/worksheets/first.xml": head + b" " * 2**21}))


def test_a_directory_of_countless_parts_is_refused(refusal):
    """The zip's own list is measured before anything is made of it."""
    assert "directory" in refusal(zipped({f"{number:050}": b"" for number in range(11_000)}))


def test_entities_are_refused(refusal):
    """A document type, where entity bombs live, is in no report."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'
    assert "document type" in refusal(xlsx(TESTER_ROWS, doctype=bomb))


def test_a_tag_without_end_is_refused(refusal):
    """Neither parser collects an endless tag."""
    endless = b'<worksheet xmlns="' + b"x" * 2**22
    assert "tag without an end" in refusal(xlsx([], parts={"xl/worksheets/first.xml": endless}))
    assert "tag without an end" in refusal(b"<table><tr><td a='" + b"x" * 2**20)


@pytest.mark.parametrize("piece", [b"<", b"<div>", b"</p>", b"<!---->", b"x<br>", b"<?a>", b"<!a>"])
def test_a_page_that_goes_on_and_on_without_a_row_is_refused(refusal, piece):
    """How long reading takes is bounded by rows, and so is what stands between two of them."""
    assert "without a row" in refusal(b"<html><table><tr><td>x</td></tr>" + piece * 210_000)


def test_a_compression_that_unpacks_without_measure_is_refused(refusal, tmp_path):
    """Only deflated parts are unpacked: other methods give out more than was asked for."""
    content = xlsx(TESTER_ROWS)
    path = tmp_path / "bzip2.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as target, zipfile.ZipFile(tmp_path / "a", "w"):
        (tmp_path / "b").write_bytes(content)
        with zipfile.ZipFile(tmp_path / "b") as source:
            for name in source.namelist():
                target.writestr(name, source.read(name))
    assert "compressed in an unusual way" in refusal(path.read_bytes())


def test_a_cell_without_end_is_refused(refusal):
    """Text is limited in a cell of a page and in one of a sheet."""
    text = "x" * 70_000
    assert "characters" in refusal(f"<table><tr><td>{text}</td></tr></table>".encode())
    assert "characters" in refusal(xlsx([[text]]))
    sheet = b'<worksheet xmlns="x"><sheetData><row><c>'
    assert "characters" in refusal(xlsx([], parts={"xl/worksheets/first.xml": sheet + b"<v>1</v>" * 70_000}))


def test_more_text_than_a_report_has_is_refused(refusal):
    """What all cells share is limited, in texts and in pieces of one text."""
    for piece in (b"<si><t>a</t></si>" * 400_001, b"<si>" + b"<t>abcdefghi</t>" * 900_000):
        assert "text" in refusal(xlsx([], parts={"xl/sharedStrings.xml": b'<sst xmlns="x">' + piece}))


def test_tags_are_not_nested_without_end(refusal):
    """A parser's memory grows with the depth of tags, so that is limited."""
    assert "deep" in refusal(xlsx([], parts={"xl/worksheets/first.xml": b"<row>" * 1000}))


def test_tags_are_counted(refusal, monkeypatch):
    """A sheet of countless empty cells is refused before it takes long."""
    monkeypatch.setattr(cells_xlsx, "EVENTS_MAX", 10_000)
    sheet = b'<worksheet xmlns="x"><sheetData><row>' + b"<c/>" * 20_000
    assert "tags" in refusal(xlsx([], parts={"xl/worksheets/first.xml": sheet}))


@pytest.mark.parametrize(
    ("begin", "piece", "said"),
    [
        (b"", b"<c/>", "cells"),
        (b"<row>", b"<c/>", "cells"),
        (b"<row>", b"<a/>", "on and on"),
        (b"<row><c>", b"<v>1</v>", "on and on"),
    ],
)
def test_a_row_of_a_sheet_that_goes_on_and_on_is_refused_early(refusal, monkeypatch, begin, piece, said):
    """Five million cells in one row are refused after the first thousands, unpacked a chunk at a time."""
    monkeypatch.setattr(cells_xlsx, "CELL_CHARS_MAX", 2**30)
    monkeypatch.setattr(cells_xlsx, "EVENTS_MAX", 500_000)
    sheet = b'<worksheet xmlns="x"><sheetData>' + begin + piece * 5_000_000
    assert said in refusal(xlsx([], parts={"xl/worksheets/first.xml": sheet}))


def test_a_row_of_too_many_bytes_is_refused(refusal, monkeypatch):
    """A row is measured in bytes too: a few thousand cells can hold far more text than any report."""
    monkeypatch.setattr(cells_xlsx, "UNPACKED_BYTES_MAX", 12 * 2**20)
    sheet = b'<worksheet xmlns="x"><sheetData><row>' + (b'<c t="str"><v>' + b"x" * 60_000 + b"</v></c>") * 250
    assert "on and on" in refusal(xlsx([], parts={"xl/worksheets/first.xml": sheet}))


def test_sheets_share_one_limit(refusal, monkeypatch):
    """Trying one sheet after another is bounded by what all of them unpack to."""
    monkeypatch.setattr(cells_xlsx, "EVENTS_MAX", 3000)
    assert "tags and texts" in refusal(xlsx(TESTER_ROWS, before=[[["x"] * 20] * 10] * 8))


def test_a_row_of_countless_cells_is_refused(refusal):
    """Cells in a row are limited."""
    assert "cells" in refusal(b"<table><tr>" + b"<td>1</td>" * 1000)


# --- fuzz -------------------------------------------------------------------------------------------------------

WHOLE = [TESTER.read_bytes(), HISTORY.read_bytes(), html_page(TESTER_ROWS).encode(), xlsx(TESTER_ROWS)]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_broken_gives_a_report_or_a_refusal(tmp_path, data):
    """Bytes flipped, lost or repeated, a file cut anywhere: a valid Report or a ReportError of one line."""
    content = bytearray(data.draw(st.sampled_from(WHOLE)))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    start, stop = sorted(data.draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
    kind = data.draw(st.sampled_from(["whole", "whole", "cut", "hole", "twice"]))
    damaged = {
        "cut": content[:stop],
        "hole": content[:start] + content[stop:],
        "twice": content[:stop] + content[start:],
    }
    path = tmp_path / "damaged"
    path.write_bytes(damaged.get(kind, content))
    assert_sound_or_refused(path)


def assert_sound_or_refused(path):
    """A report has deals that can be counted; a refusal has one line. Any other exception fails the test."""
    try:
        report = read_report(path)
    except ReportError as error:
        refused = str(error)
    else:
        refused = ""
        assert_sound(report)
    assert refused.isprintable()


def assert_sound(report):
    assert isinstance(report, Report)
    assert len({deal.ticket for deal in report.deals}) == len(report.deals) > 0
    assert all(deal.volume > 0 and deal.symbol for deal in report.deals if deal.entry)
    figures(report)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_cell_gives_a_report_or_a_refusal(tmp_path, data):
    """Any text in any cell, in a workbook that is otherwise whole."""
    rows = copy.deepcopy(TESTER_ROWS)
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.sampled_from(rows))
        texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"))
        numbers = st.sampled_from(
            ["1e99", "-0", "9" * 30, "٣", "0x1", "nan", "inf", "1 000", "2025.07.25 11:10:58", ""]
        )
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.one_of(texts, numbers))
    path = tmp_path / "odd"
    path.write_bytes(xlsx(rows, numeric=data.draw(st.booleans())))
    assert_sound_or_refused(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"<html><table>", b"\xff\xfe<\x00", b"PK\x05\x06"])
)
def test_random_bytes_are_refused(tmp_path, content, start):
    """Nothing random is a report, and nothing but a refusal comes of it."""
    path = tmp_path / "random"
    path.write_bytes(start + content)
    with pytest.raises(ReportError):
        read_report(path)


@pytest.mark.parametrize(
    "text", ["<![", "<!", "</", "<a ", "&#", "<!--", "<td a=", "<script>", "<?", "<a b='", "<![CDATA["]
)
def test_markup_that_never_ends_is_soon_refused(refusal, text):
    """Three megabytes of any beginning of a tag are refused, and not searched over and over."""
    assert refusal(b"<table>" + text.encode() * (3 * 2**20 // len(text)))


def test_the_page_reader_is_fed_in_small_pieces():
    """A chunk stays far below what a broken tag may hold, so that the limit is met before time is lost."""
    assert 2 * cells_html.CHUNK_BYTES <= cells_html.UNPARSED_CHARS_MAX
