"""Those who are behind: what they share, what they are told to have lost, and when they have caught up."""

from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from tests.hub.support import Room


def joined(room: Room, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many messages are joined, each time that something is."""
    catch_up, noted = room.hub.catch_up, []
    entries = catch_up._entries

    def note(*about: Any) -> Any:
        found = entries(*about)
        noted.append(len(found))
        return found

    monkeypatch.setattr(catch_up, "_entries", note)
    return noted


def test_a_snapshot_is_joined_again_only_when_enough_of_it_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    for n in range(80):
        room.publish("ea_update", ea_id=n)
    noted = joined(room, monkeypatch)
    for changed in range(22):
        newcomer = room.reader("ea_updates")
        room.settle()
        assert len(newcomer.take()) == 1 + 80 + changed % 11, "the snapshot, and what has changed since"
        room.publish("ea_update", ea_id=changed)
        room.settle()
    assert noted == [80, *range(1, 11), 80, *range(1, 11)]


def test_only_a_few_snapshots_are_kept() -> None:
    room = Room()
    for n in range(40):
        room.publish("ea_update", ea_id=n)
        room.reader(f"ea_updates:{n}")
    room.settle()
    assert len(room.hub.catch_up._snapshots) == 8


def test_a_snapshot_that_holds_a_row_whose_end_is_forgotten_is_not_given_again() -> None:
    room = Room(Limits(tombstones_max=1))
    for n in range(100):
        room.publish("ea_update", ea_id=n)
    room.reader("ea_updates")
    room.settle()
    for n in (1, 2):
        room.publish("ea_update", ea_id=n, status="removed")
    room.settle()
    newcomer = room.reader("ea_updates")
    room.settle()
    assert len(newcomer.take()) == 1 + 98


def test_a_snapshot_that_is_kept_is_not_given_to_one_who_has_missed_something_before_it() -> None:
    room = Room()
    room.publish("ea_update", ea_id=1)
    reader = room.reader("alerts")
    room.settle()
    room.pause(reader)
    room.publish("alert", n=1)
    room.reader("ea_updates")
    room.settle()
    assert len(room.hub.catch_up._snapshots) == 1
    reader.subscribe("ea_updates")
    reader.take()
    room.drained(reader)
    room.settle()
    assert [message["type"] for message in reader.take()] == ["ea_update", "alert"]


def test_sums_are_not_given_to_one_whose_rows_have_not_been_told_yet() -> None:
    room = Room(Limits(catch_up_bytes_per_flush_max=1))
    rates = {"ea_updates": 2.0, "portfolio_updates": 1.0}
    live = room.reader("ea_updates", max_hz=rates)
    room.settle()
    room.publish("ea_update", ea_id=1, n=1)
    room.publish("portfolio_update", n=1)
    reader = room.reader("ea_updates", "portfolio_updates", max_hz=rates)
    reader.take(), live.take()
    room.flush()
    room.now += 0.1
    room.publish("ea_update", ea_id=1, n=2)
    room.publish("portfolio_update", n=2)
    room.settle()
    assert [(message["type"], message["data"]["n"]) for message in reader.take()] == [("ea_update", 1)]
    room.finish()
    heard = [(message["type"], message["data"]["n"]) for message in reader.take()]
    assert heard == [("ea_update", 2), ("portfolio_update", 2)]


def test_a_snapshot_of_nothing_is_not_kept_for_those_who_come_when_there_is_something() -> None:
    room = Room()
    room.reader("ea_updates")
    room.settle()
    assert not room.hub.catch_up._snapshots
    room.publish("ea_update", ea_id=1)
    newcomer = room.reader("ea_updates")
    room.settle()
    assert len(newcomer.take()) == 2
