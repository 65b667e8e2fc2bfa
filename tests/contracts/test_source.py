"""One contract for all sources: what they report is true to its types, in order, in parts, and may be told twice."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from fleetwire.fleet.events import DealReport, Fact, NewsEvent
from fleetwire.fleet.news import News
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.rows import account_row, expert_row
from fleetwire.fleet.state import Fleet
from fleetwire.ports import Report, Source
from fleetwire.sources.calendar import CalendarFeed
from fleetwire.sources.expert import facts_of, read_facts, read_report
from fleetwire.sources.files import DropFolder
from fleetwire.sources.report import read_report as read_metatrader_report
from fleetwire.sources.report.history import ReportHistory
from fleetwire.sources.report.replay import ReportSource
from fleetwire.sources.simulator import Simulator
from fleetwire.wire.moment import moment, read_utc

DATA = Path(__file__).parents[1] / "data"
HISTORY = DATA / "ReportHistory-400000005.html"
TESTER = DATA / "ReportTester-Pendulum.html"
START_MS = read_utc("2026-11-23T10:00:00Z")  # a Monday
AT = moment(1000.0, read_utc("2026-11-24T10:00:00Z"))
FACTS_PER_CALL_MAX = 5_000

Call = tuple[Fact, ...]


class HttpBodies:
    """What the API does with the reports that come over HTTP."""

    name = "http"

    def __init__(self, bodies: list[bytes]) -> None:
        self._bodies = bodies

    async def run(self, report: Report) -> None:
        for body in self._bodies:
            await report(*facts_of(read_report(body)))


def bodies() -> list[bytes]:
    """Reports of one terminal: a position is opened, and closed in two parts."""
    who = {"magic": 12345, "symbol": "EURUSD", "name": "London Breakout"}
    account = {"server": "Broker-Live", "login": 5, "currency": "EUR", "balance": 1000.0, "equity": 1000.0}
    deal = {"type": "buy", "entry": "in", "symbol": "EURUSD", "magic": 12345, "position_id": 7, "price": 1.1}
    position = {"ticket": 7, "time_msc": START_MS, "type": "buy", "price_open": 1.1, "symbol": "EURUSD", "magic": 12345}
    event = {"id": 840, "time_utc": "2026-11-25T13:30:00Z", "currency": "USD", "importance": "high", "name": "Payrolls"}
    told = []
    for number, volume in enumerate((0.3, 0.1, 0.0)):
        closing = {"type": "sell", "entry": "out", "profit": 5.0, "volume": 0.3 - volume} if number else {"volume": 0.3}
        told.append(
            {
                "account": account | {"balance": 1000.0 + 5 * number, "equity": 1000.0 + 5 * number},
                "terminal": {"id": "t1", "connected": True},
                "deals": [{**deal, "ticket": 10 + number, "time_msc": START_MS + number, **closing}],
                "positions": [{**position, "volume": volume}] if volume else [],
                "experts": [{"expert": who, "ea_id": 12345}],
                "events": [event],
                "prices": [{"symbol": "EURUSD", "bid": 1.1, "ask": 1.1001}],
            }
        )
    return [json.dumps(body).encode() for body in told]


def _folder(path: Path) -> Source:
    return DropFolder(path / "drop", read_facts, poll_s=0)


def _fill_folder(path: Path) -> None:
    (path / "drop").mkdir()
    for number, body in enumerate(bodies()):
        (path / "drop" / f"{number}.json").write_bytes(body)


def _calendar(path: Path) -> Source:
    return CalendarFeed(path / "week.json", poll_s=0.001, utc_ms=lambda: AT.utc_ms)


def _fill_calendar(path: Path) -> None:
    entry = {"country": "USD", "date": "2026-11-25T08:30:00-05:00", "impact": "High", "forecast": "180K"}
    events = [{**entry, "title": f"event {number}"} for number in range(1_100)]
    (path / "week.json").write_text(json.dumps(events))


class Case(NamedTuple):
    """A source, and in how many calls it tells what there is.

    `is_durable`: what was not taken is there again for the next run.
    """

    make: Callable[[Path], Source]
    calls: int
    is_durable: bool = True
    prepare: Callable[[Path], None] = lambda path: None


CASES = {
    "simulator": Case(lambda _: Simulator(7, 8, 1000, START_MS), 60, is_durable=False),
    "replay": Case(lambda _: ReportSource(read_metatrader_report(HISTORY)), 11),
    "history": Case(lambda _: ReportHistory(read_metatrader_report(HISTORY)), 3),
    "history of a test": Case(lambda _: ReportHistory(read_metatrader_report(TESTER)), 3),
    "drop folder": Case(_folder, 3, prepare=_fill_folder),
    "calendar": Case(_calendar, 3, prepare=_fill_calendar),
    "http": Case(lambda _: HttpBodies(bodies()), 3),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    found = CASES[request.param]
    found.prepare(tmp_path)
    return found


async def recorded(source: Source, calls: int, stop_at: int | None = None) -> list[Call]:
    """Run a source until it has made so many calls, then cancel it; `stop_at` cancels it inside that call."""
    made: list[Call] = []
    enough = asyncio.Event()

    async def report(*facts: Fact) -> None:
        if len(made) == stop_at:
            enough.set()
            await asyncio.Event().wait()  # it is cancelled here: this call was not taken
        made.append(facts)
        if len(made) >= calls:
            enough.set()

    running = asyncio.create_task(source.run(report))
    waiting = asyncio.create_task(enough.wait())
    async with asyncio.timeout(10):
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not running.done():
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        else:
            running.result()
    return made


def rows(calls: list[Call]) -> tuple[dict[str, Any], list[Any]]:
    """What a fleet shows, and the news it tells, after each call of facts."""
    fleet, news, told = Fleet(), News(), []
    for call in calls:
        for fact in call:
            if isinstance(fact, NewsEvent):
                told += news.apply(fact, read_utc(fact.time_utc), AT)
            else:
                fleet.apply(fact, AT)
        fleet.settle(AT)
    portfolio = Portfolio(fleet)
    for expert in fleet.experts.values():
        portfolio.changed(expert)
    shown = {
        "experts": [expert_row(fleet, expert, AT) for expert in fleet.experts.values()],
        "accounts": [account_row(fleet, account, {}) for account in fleet.accounts.values()],
        "deals": [dict(account.owners) for account in fleet.accounts.values()],
        "portfolio": portfolio.row(),
    }
    return shown, told


async def test_a_source_has_a_name(case: Case, tmp_path: Path) -> None:
    assert case.make(tmp_path).name.strip()


async def test_what_is_reported_keeps_within_the_bounds_of_its_types(case: Case, tmp_path: Path) -> None:
    """Whatever is written down and read again is the same: no NaN, no negative volume, no login 0, no endless text."""
    calls = await recorded(case.make(tmp_path), case.calls)
    assert len(calls) >= case.calls, "there was something to see"
    for call in calls:
        for fact in call:
            assert msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=type(fact)) == fact


async def test_no_call_is_without_a_bound(case: Case, tmp_path: Path) -> None:
    calls = await recorded(case.make(tmp_path), case.calls)
    assert 0 < max(len(call) for call in calls) <= FACTS_PER_CALL_MAX


async def test_the_deals_of_an_account_come_in_the_order_in_which_they_were_made(case: Case, tmp_path: Path) -> None:
    deals: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    calls = await recorded(case.make(tmp_path), case.calls)
    for call in calls:
        for fact in call:
            if isinstance(fact, DealReport):
                deals[fact.account].append((fact.deal.time_msc, fact.deal.ticket))
    for account, told in deals.items():
        assert told == sorted(told), account


async def test_what_is_told_twice_changes_nothing(case: Case, tmp_path: Path) -> None:
    """A call whose answer was lost is made again."""
    calls = await recorded(case.make(tmp_path), case.calls)
    once, news = rows(calls)
    twice, news_again = rows([call for call in calls for _ in range(2)])
    assert twice == once
    assert news_again == news


@pytest.mark.parametrize("stop_at", [0, 1, 2])
async def test_a_source_can_be_cancelled_at_any_moment_and_nothing_is_lost(
    case: Case, tmp_path: Path, stop_at: int
) -> None:
    """What was not taken comes again with the next run."""
    taken = await recorded(case.make(tmp_path), case.calls, stop_at)
    assert len(taken) == stop_at
    if case.is_durable:
        again = await recorded(case.make(tmp_path), case.calls - (stop_at if case.make is _folder else 0))
        everything = [fact for call in [*taken, *again] for fact in call]
        whole = await recorded(case.make(tmp_path), case.calls) if case.make is not _folder else None
        if whole is None:
            assert everything == [fact for body in bodies() for fact in facts_of(read_report(body))]
        else:
            assert all(fact in everything for call in whole for fact in call)


@pytest.mark.parametrize("name", ["history", "history of a test", "http"])
async def test_what_is_imported_twice_is_there_once(name: str, tmp_path: Path) -> None:
    """All of it told again, from its beginning."""
    calls = await recorded(CASES[name].make(tmp_path), CASES[name].calls)
    once, again = rows(calls)[0], rows([*calls, *calls])[0]
    assert again["deals"] == once["deals"]
    assert again["experts"] == once["experts"]
