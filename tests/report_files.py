"""Writes reports as terminals write them, from rows of cells."""

import io
import re
import zipfile
from datetime import datetime
from html import escape
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

TESTER_HEAD = [
    ["Strategy Tester Report"],
    ["Broker-Demo (Build 5000)"],
    ["Settings"],
    ["Expert:", "", "", "Pendulum"],
    ["Symbol:", "", "", "EURUSD"],
    ["Period:", "", "", "H1 (2025.01.01 - 2025.02.01)"],
    ["Inputs:", "", "", "=== Risk ==="],
    ["", "", "", "Lots=0.1"],
    ["", "", "", "InpMagicNumber=777"],
    ["Company:", "", "", "Broker & Sons"],
    ["Currency:", "", "", "USD"],
    ["Initial Deposit:", "", "", "1 000.00"],
    ["Leverage:", "", "", "1:500"],
    ["Results"],
    ["Total Net Profit:", "", "", "-4.00", "Balance Drawdown Absolute:", "", "", "5.20"],
]
TESTER_ORDERS = [
    ["Orders"],
    ["Open Time", "Order", "Symbol", "Type", "Volume", "", "Price", "S / L", "T / P", "Time", "", "State", "Comment"],
    [
        "2025.01.02 10:00:00",
        "2",
        "EURUSD",
        "buy",
        "1 / 1",
        "",
        "0.00",
        "",
        "",
        "2025.01.02 10:00:00",
        "",
        "filled",
        "a",
    ],
]
DEALS_HEADING = ["Time", "Deal", "Symbol", "Type", "Direction", "Volume", "Price", "Order"]
DEALS_HEADING += ["Commission", "Swap", "Profit", "Balance", "Comment"]


def deal_row(when, ticket, kind, entry, volume, commission, swap, profit, balance, comment=""):
    symbol, price = ("EURUSD", "1.1000") if entry else ("", "")
    order = str(ticket) if entry else ""
    money = [commission, swap, profit, balance]
    return [f"2025.01.{when}", str(ticket), symbol, kind, entry, volume, price, order, *money, comment]


# A partial close, a reversal, and a position that is open at the end. Results: 5.60 - 10.80 + 1.20 = -4.00
TESTER_DEALS = [
    deal_row("01 00:00:00", 1, "balance", "", "", "0.00", "0.00", "1 000.00", "1 000.00"),
    deal_row("02 10:00:00", 2, "buy", "in", "1", "-3.00", "0.00", "0.00", "997.00", "first"),
    deal_row("03 10:00:00", 3, "sell", "out", "0.4", "-1.20", "0.00", "8.00", "1 003.80"),
    deal_row("06 10:00:00", 4, "sell", "in/out", "1", "-3.00", "0.00", "-6.00", "994.80"),
    deal_row("07 10:00:00", 5, "buy", "out", "0.4", "-1.20", "-0.10", "2.50", "996.00"),
    deal_row("08 10:00:00", 6, "sell", "in", "0.1", "-0.30", "0.00", "0.00", "995.70"),
]
TESTER_TOTALS = ["", "", "", "", "", "", "", "", "-8.70", "-0.10", "4.50", "995.70"]
TESTER_ROWS = [*TESTER_HEAD, *TESTER_ORDERS, ["Deals"], DEALS_HEADING, *TESTER_DEALS, TESTER_TOTALS]


def html_page(rows):
    """The text of a tester's page: settings in one table, orders and deals in the next."""
    lines = ['<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">']
    lines += ["<html><head><title>Pendulum</title><style>td { font: 8pt Tahoma; }</style></head><body>", "<table>"]
    for row in rows:
        if len(row) == 1 and row[0] in ("Orders",):
            lines += ["</table>", "<table>"]
        lines.append(_html_row(row))
    return "\r\n".join([*lines, "</table>", "</body></html>", ""])


def _html_row(row):
    if len(row) == 1:
        return f'<tr align="center"><td colspan="13"><div><b>{escape(row[0])}</b></div></td></tr>'
    if not any(row[:8]):  # totals
        cells = "".join(f"<td nowrap><b>{escape(cell)}</b></td>" for cell in row[8:])
        return f'<tr align="right"><td colspan="8"></td>{cells}<td></td></tr>'
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in [*row, *[""] * (13 - len(row))])
    return f'<tr bgcolor="#FFFFFF" align="right">{cells}</tr>'


def utf16(text):
    return b"\xff\xfe" + text.encode("utf-16-le")


def xlsx(rows, *, encoding="utf-8", inline=False, numeric=True, doctype="", parts=None, before=(), days=None):
    """A workbook with a sheet of these rows; empty cells and rows are left out, as spreadsheets do.

    Args:
        encoding: of the parts' XML.
        inline: strings stand in their cells, not in the shared table.
        numeric: texts that are numbers become numbers.
        doctype: put before each root element.
        parts: more parts (bytes by name), or others instead.
        before: rows of the sheets that stand before this one.
        days: times become numbers of days since 1900 or 1904 (days=1900, days=1904), shown by a format of their own.
    """
    strings = []
    sheets = [_sheet(table, strings, inline, numeric, days) for table in (*before, rows)]
    shared = "".join(f"<si><t>{xml_escape(text)}</t></si>" for text in strings)
    names = [f"worksheets/number{at}.xml" for at in range(len(before))] + ["worksheets/first.xml"]
    listed = "".join(f'<sheet name="S{at}" sheetId="{at + 1}" r:id="rId{at}"/>' for at in range(len(names)))
    relations = "".join(f'<Relationship Id="rId{at}" Target="{name}"/>' for at, name in reversed([*enumerate(names)]))
    kept = f'<workbookPr date1904="{int(days == 1904)}"/>' if days else ""
    xml = {
        "xl/workbook.xml": f'<workbook xmlns="{NS}" xmlns:r="{OFFICE}">{kept}<sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{relations}</Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{NS}">{shared}</sst>',
        **{f"xl/{name}": sheet for name, sheet in zip(names, sheets, strict=True)},
    }
    if days:
        xml["xl/styles.xml"] = STYLES
    head = f'<?xml version="1.0" encoding={quoteattr(encoding)}?>{doctype}'
    return zipped({name: (head + text).encode(encoding) for name, text in xml.items()} | (parts or {}))


STYLES = f"""<styleSheet xmlns="{NS}"><numFmts><numFmt numFmtId="164" formatCode="yyyy\\.mm\\.dd\\ hh:mm:ss"/>
<numFmt numFmtId="165" formatCode="[Red]0.00&quot;day&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
<cellXfs><xf numFmtId="0"/><xf numFmtId="165"/><xf numFmtId="164"/></cellXfs></styleSheet>"""


def _sheet(rows, strings, inline, numeric, days):
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            _cell(f"{chr(65 + at)}{number}", text, strings, inline, numeric, days)
            for at, text in enumerate(row)
            if text
        ]
        if cells:
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{NS}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(reference, text, strings, inline, numeric, days):
    if days and re.fullmatch(r"\d{4}\.\d\d\.\d\d [\d:]{8}", text):
        begin = datetime(1899, 12, 30) if days == 1900 else datetime(1904, 1, 1)
        passed = datetime.strptime(text, "%Y.%m.%d %H:%M:%S") - begin
        return f'<c r="{reference}" s="2"><v>{passed.total_seconds() / 86_400!r}</v></c>'
    if days and text.isdigit():
        return f'<c r="{reference}" s="1"><v>{text}</v></c>'
    if numeric and text.lstrip("-").replace(".", "", 1).isdigit():
        return f'<c r="{reference}"><f>A1</f><v>{text}</v></c>'
    if inline:
        return f'<c r="{reference}" t="inlineStr"><is><t>{xml_escape(text)}</t></is></c>'
    strings.append(text)
    return f'<c r="{reference}" t="s"><v>{len(strings) - 1}</v></c>'


def zipped(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()
