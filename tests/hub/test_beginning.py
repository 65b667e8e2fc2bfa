"""Where a topic begins, case by case (what follows from it: test_hub, test_catchup, test_restore)."""

from types import SimpleNamespace
from typing import Any

import pytest

from fleetwire.hub.beginning import Here, Standing, begin
from fleetwire.hub.log import Entry, EventLog, StateLog
from fleetwire.wire.channels import Topic
from fleetwire.wire.messages import Since, SubscribeData

HERE = Here("now", 20)
NEW = Standing(None, None)


def events() -> EventLog:
    """Messages at 5, 10 and 15; what stood between 10 and 14 is lost."""
    log = EventLog(10, 10_000, 1000.0)
    log.restore([Entry(position, "a", b"x", 0.0, seq) for position, seq in ((5, 1), (10, 2), (15, 6))], 0)
    return log


def rows(forgotten_until: int = 0) -> StateLog:
    log = StateLog(10)
    log.add(Entry(5, "a", b"x", 0.0))
    log.forgotten_until = forgotten_until
    return log


def at(log: Any, before: Standing = NEW, version: int = 1, **asked: Any) -> tuple[int, bool | None, list[Any]]:
    session: Any = SimpleNamespace(scope=None, form=SimpleNamespace(version=version))
    channel = "alerts" if isinstance(log, EventLog) else "ea_updates"
    since = asked.pop("since", None)
    request = SubscribeData(
        channels=[channel], since=Since(epoch=since[0], position=since[1]) if since else None, **asked
    )
    beginning = begin(log, Topic(channel), request, session, before, HERE)
    return beginning.position, beginning.recovered, [(gap.epoch, gap.since, gap.until) for gap in beginning.gaps]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (20, None, [])),
        ({"history": 1}, (14, None, [])),
        ({"history": 2}, (9, None, [("now", 10, 14)])),
        ({"since": ("now", 15)}, (15, True, [])),
        ({"since": ("now", 12)}, (12, False, [("now", 12, 14)])),
        ({"since": ("now", 3)}, (3, False, [("now", 10, 14)])),
        ({"since": ("now", 21)}, (20, False, [("now", 21, None)])),
        ({"since": ("then", 7)}, (0, False, [("then", 7, None), ("now", 10, 14)])),
    ],
)
def test_events_begin_with_what_comes_or_where_they_are_asked_for(asked: dict[str, Any], expected: Any) -> None:
    assert at(events(), **asked) == expected


@pytest.mark.parametrize(("heard", "position"), [(None, 15), (8, 8), (18, 15)])
def test_events_that_are_heard_already_are_never_skipped(heard: int | None, position: int) -> None:
    assert at(events(), Standing(heard, None), since=("now", 15))[0] == position


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (0, None, [])),
        ({"snapshot": False}, (20, None, [])),
        ({"snapshot": False, "version": 2}, (0, None, [])),
        ({"since": ("now", 12)}, (12, True, [])),
        ({"since": ("now", 7)}, (0, False, [])),
        ({"since": ("now", 0)}, (0, True, [])),
        ({"since": ("now", 21)}, (0, False, [])),
        ({"since": ("then", 12)}, (0, False, [])),
    ],
)
def test_rows_begin_anew_unless_it_is_known_what_changed(asked: dict[str, Any], expected: Any) -> None:
    assert at(rows(forgotten_until=8), **asked) == expected


@pytest.mark.parametrize(
    ("before", "position"), [(Standing(None, None), 0), (Standing(0, None), 0), (Standing(9, None), -1)]
)
def test_who_has_rows_already_is_told_their_ends_as_well(before: Standing, position: int) -> None:
    assert at(rows(), before)[0] == position
