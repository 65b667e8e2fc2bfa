"""What is asked of a million lines is answered by an index: no list is walked whole, none is sorted."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetwire.ports import TradeQuery
from fleetwire.storage.database import Line, Values
from fleetwire.storage.reading import Reading
from fleetwire.storage.retention import DEFAULT_RETENTION
from fleetwire.storage.sqlite import SqliteConnection, SqliteDatabase
from fleetwire.storage.trimming import trimming
from fleetwire.storage.writing import Writing
from tests.storage.support import unit


class Watched(SqliteConnection):
    """Notes how SQLite means to answer each question."""

    def __init__(self, connection: SqliteConnection) -> None:
        super().__init__(connection.raw)
        self.plans: list[str] = []

    def read(self, sql: str, values: Values = ()) -> list[Line]:
        self._note(sql, values)
        return super().read(sql, values)

    def run(self, sql: str, values: Values = ()) -> int:
        self._note(sql, values)
        return super().run(sql, values)

    def _note(self, sql: str, values: Values) -> None:
        self.plans += [str(line[3]) for line in self.raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    database = SqliteDatabase(tmp_path / "fleetwire.db")
    connection = Watched(database.open())
    connection.begin()
    Writing(connection).write([record for number in range(1, 40) for record in unit(number)])
    connection.commit()
    connection.plans.clear()
    yield connection
    connection.close()
    database.close()


FILTERS = {
    "ea_id": 7,
    "account": ("Alpha-Live", 1),
    "symbol": "EURUSD",
    "from_ms": 1,
    "until_ms": 10**15,
    "status": "open",
}


@pytest.mark.parametrize("kind", ["deals", "trades"])
def test_every_page_comes_from_an_index(watched: Watched, kind: str) -> None:
    """Whatever is filtered, from the first page or from a cursor on: nothing is scanned or sorted."""
    reading = Reading(watched)
    ask = getattr(reading, kind)
    names = [name for name in FILTERS if kind == "trades" or name != "status"]
    for count in range(len(names) + 1):
        for chosen in itertools.combinations(names, count):
            asked = {name: FILTERS[name] for name in chosen}
            cursor = ask(TradeQuery(**(asked | {"status": None}), limit=1)).next
            assert cursor
            watched.plans.clear()
            ask(TradeQuery(**asked, limit=1, before=cursor))
            pages = [plan for plan in watched.plans if kind in plan or "TEMP" in plan]
            assert pages
            assert all("USING INDEX" in plan and "TEMP" not in plan for plan in pages), (chosen, pages)


def test_a_position_a_curve_and_the_newest_are_searched_for(watched: Watched) -> None:
    reading = Reading(watched)
    reading.trade(("Alpha-Live", 1), 5)
    reading.deals(TradeQuery(position_id=5))
    reading.equity("ea:7", 0, 10**15, 10)
    reading.alerts("open", None, 10)
    reading.alerts("cleared", 5, 10)
    reading.news(0, 10**15, 10)
    reading.deals_in_order((5, 1, 5))
    scans = [plan for plan in watched.plans if plan.startswith("SCAN")]
    few = ("SCAN accounts", "SCAN stretch", "SCAN alerts")  # names, points asked for, and the newest of an ordered list
    assert all(plan.startswith(few) for plan in scans), scans


def test_writing_searches_for_what_it_has_to_know(watched: Watched) -> None:
    """A deal that comes costs the same, however many there are."""
    Writing(watched).write(unit(40))
    scans = [plan for plan in watched.plans if plan.startswith("SCAN")]
    assert all("ROW VALUES" in plan or "CONSTANT" in plan for plan in scans), scans


def test_trimming_looks_only_at_what_is_old(watched: Watched) -> None:
    for step in trimming(watched, DEFAULT_RETENTION, 10**15):
        step(watched)
    scans = [plan for plan in watched.plans if plan.startswith("SCAN")]
    assert all(plan.startswith(("SCAN subjects", "SCAN CONSTANT")) for plan in scans), scans
