"""What docs/sources.md and docs/news.md show is what the code takes, and their figures are the code's."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from fleetwire.fleet.events import AccountPositions, DealReport, ExpertReport
from fleetwire.fleet.news import NewsSettings
from fleetwire.fleet.symbols import currencies_of
from fleetwire.sources import expert, files
from fleetwire.sources.calendar import feed, ics, places, reading
from fleetwire.sources.calendar.ics import read_ics
from fleetwire.sources.calendar.weekly import read_weekly
from fleetwire.wire import costly

DOCS = Path(__file__).parents[2] / "docs"
SOURCES = (DOCS / "sources.md").read_text("utf-8")
NEWS = (DOCS / "news.md").read_text("utf-8")


def block(page: str, language: str) -> str:
    """The first fenced block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_body_of_a_report_is_taken_as_a_whole() -> None:
    body = block(SOURCES, "json").encode()
    report = expert.read_report(body)
    assert report.refused == []
    kinds = [type(fact).__struct_config__.tag for fact in expert.facts_of(report)]
    named = re.findall(r"^\| `(\w+)` \|", SOURCES, re.MULTILINE)
    assert named == ["account", "terminal", "prices", "deals", "positions", "experts", "acks", "events"]
    assert set(named) == set(msgspec.json.decode(body)), "each field is shown"
    order = ["account_report", "price_report", "deal", "positions_report", "ea_report", "command_ack", "news_report"]
    assert kinds == order, "which is that of the table"
    (deal,) = report.deals
    (told,) = report.experts
    assert isinstance(deal, DealReport)
    assert isinstance(told, ExpertReport)
    assert isinstance(report.positions, AccountPositions)
    assert told.positions is None


def test_the_weekly_calendar_is_read() -> None:
    found = read_weekly(block(NEWS, "json").encode())
    assert found.refused == []
    assert [(event.currency, event.importance) for event in found.events] == [("ALL", "moderate"), ("USD", "high")]


def test_the_icalendar_is_read() -> None:
    pytest.importorskip("icalendar")
    (event,) = read_ics(block(NEWS, "ics").encode()).events
    assert (event.currency, event.importance, event.time_utc) == ("USD", "high", "2026-12-04T13:30:00.000Z")


def test_the_settings_are_settings_and_the_defaults_are_as_told() -> None:
    settings = msgspec.convert(tomllib.loads(block(NEWS, "toml"))["news"], NewsSettings)
    assert (settings.moderate.after_min, settings.currencies["BTCUSD"]) == (15.0, ())
    default = NewsSettings()
    assert (default.high.before_min, default.high.after_min, default.events_max) == (30.0, 30.0, 2_000)
    assert not any(
        (blackout.before_min, blackout.after_min) != (0, 0)
        for blackout in (default.moderate, default.low, default.none)
    )


def test_every_symbol_of_the_table_has_the_currencies_that_it_says() -> None:
    table = NEWS.partition("| symbols | currencies |")[2].partition("\n\n")[0]
    seen = 0
    for names, told in re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.MULTILINE):
        symbols = re.findall(r"`(.*?)`", names)
        expected = told.split(" / ")
        if re.fullmatch(r"[A-Z]{3}", expected[0]):
            expected = expected if len(expected) > 1 else expected * len(symbols)
            assert [currencies_of(symbol) for symbol in symbols] == [{currency} for currency in expected]
            seen += len(symbols)
    assert seen > 30
    assert currencies_of("EUR/USD") == currencies_of("mEURUSD") == currencies_of("EURUSD.a") == {"EUR", "USD"}
    assert currencies_of("BTCEUR") == {"EUR"}


def test_the_bounds_are_the_codes() -> None:
    assert f"{costly.VALUES_MAX:,} values" in SOURCES
    assert f"more than {expert.REFUSED_MAX} wrong" in SOURCES
    assert f"most {expert.BODY_BYTES_MAX // 2**20} MiB" in SOURCES
    assert f"{files.FILES_PER_TURN} files are taken in one look, and of {files.FILE_BYTES_MAX // 2**20} MiB" in SOURCES
    assert f"newest {files.DONE_FILES_MAX:,} stay" in SOURCES
    rows = dict(re.findall(r"^\| ([^|`]*?) \| ([\d,]+(?: \w+)?) \|$", NEWS, re.MULTILINE))
    assert rows == {
        "a JSON calendar": f"{places.BODY_BYTES_MAX // 2**20} MiB",
        "an iCalendar": f"{ics.BODY_BYTES_MAX // 2**20} MiB",
        "events in a calendar": f"{reading.EVENTS_MAX:,}",
        "time for an answer": f"{places.TIMEOUT_S:.0f} s",
    }
    assert (feed.POLL_URL_S, feed.POLL_FILE_S, feed.FIRST_RETRY_S) == (30 * 60, 5, 60)
