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
