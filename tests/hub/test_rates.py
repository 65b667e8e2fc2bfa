"""Rates, scopes and gaps: each promise of the hub about them by itself."""

from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.wire.forms import form_of
from tests.hub.support import Reader, Room, told

# --------------------------------------------------------------------------------------------------------------- rates


def rows_of(reader: Reader) -> list[Any]:
    return [message["data"]["n"] for message in reader.take() if message["type"] == "ea_update"]


@pytest.mark.parametrize("max_hz", [4.0, {"ea_updates": 4.0}], ids=["for all", "for one"])
def test_who_asks_for_a_rate_is_told_the_first_change_at_once_and_then_the_last_values_in_their_time(
    max_hz: Any,
) -> None:
    room = Room()
    reader = room.reader("ea_updates", "alerts", max_hz=max_hz)
    room.settle()
    reader.take()
    told: list[list[Any]] = []
    for n in range(10):
        room.publish("ea_update", ea_id=1, n=n)
        room.settle()
        told.append(rows_of(reader))
        room.now += 0.0625
    assert told == [[0], [], [], [], [4], [], [], [], [8], []]
    assert room.hub.next_deadline() == 1000.75
    room.publish("alert", n=1)
    room.settle()
    assert [message["type"] for message in reader.take()] == ["alert"], "events are never delayed"
    room.finish()
    assert rows_of(reader) == [9]
    assert room.hub.next_deadline() is None


def test_the_servers_rate_is_for_those_who_ask_for_none() -> None:
    room = Room(Limits(default_max_hz=1.0))
    slow, fast = room.reader("ea_updates"), room.reader("ea_updates", max_hz=100.0)
    room.settle()
    for n in range(5):
        room.publish("ea_update", ea_id=1, n=n)
        room.settle()
        room.now += 0.25
    assert (rows_of(slow), rows_of(fast)) == ([0, 4], [0, 1, 2, 3, 4])
    fast.subscribe("ea_updates", snapshot=False)
    room.settle()
    room.publish("ea_update", ea_id=1, n=5)
    room.settle()
    assert rows_of(fast) == [], "who subscribes again without a rate has the server's"


def test_a_slow_rate_tells_the_end_of_a_row_before_it_is_forgotten() -> None:
    room = Room(Limits(tombstones_max=1))
    reader = room.reader("ea_updates", max_hz=0.1)
    for n in range(3):
        room.publish("ea_update", ea_id=n, n=n)
    room.finish()
    reader.take()
    for n in range(3):
        room.publish("ea_update", ea_id=n, n=n, status="removed")
        room.settle()
    room.finish()
    assert rows_of(reader) == [0, 1, 2]


@pytest.mark.parametrize("rows_hz", [None, 5.0])
def test_a_sum_waits_for_the_rows_that_it_sums(rows_hz: float | None) -> None:
    """With a rate of its own as well, and whoever of both is due first."""
    room = Room()
    reader = room.reader("portfolio_updates", max_hz=2.0)
    reader.subscribe("ea_updates", **({} if rows_hz is None else {"max_hz": rows_hz}))
    rows = 0

    def total() -> None:
        room.publish("portfolio_update", rows=rows)

    known = 0
    sums: list[int] = []
    for turn in range(60):
        rows += 1
        room.publish("ea_update", ea_id=1, n=rows)
        room.hub.at_flush(total)
        room.settle()
        for message in reader.take():
            if message["type"] == "ea_update":
                known = message["data"]["n"]
            elif message["type"] == "portfolio_update":
                assert message["data"]["rows"] <= known, f"in turn {turn}"
                sums.append(message["data"]["rows"])
        room.now += 0.07
    assert 7 <= len(sums) <= 10, "it is told about twice a second"


def test_a_sum_without_its_rows_has_its_own_rate() -> None:
    room = Room()
    reader = room.reader("ea_updates", "portfolio_updates", max_hz={"ea_updates": 1.0})
    reader.unsubscribe("ea_updates")
    room.settle()
    reader.take()
    for n in range(3):
        room.publish("portfolio_update", n=n)
        room.settle()
    assert len(reader.take()) == 3, "the rate of what it does not hear any more is not asked"


def test_who_becomes_full_in_one_pace_is_given_nothing_more_in_the_others() -> None:
    room = Room()
    reader = room.reader("alerts", "ea_updates", history=5, max_hz={"ea_updates": 1.0})
    room.publish("ea_update", ea_id=1)
    room.publish("alert", n=1)
    reader.take()
    reader.full = True
    room.flush()
    (first,) = reader.take()
    room.drained(reader)
    room.finish()
    heard = [first["type"], *(message["type"] for message in reader.take())]
    assert sorted(heard) == ["alert", "ea_update", "snapshot_end", "snapshot_end"]


# --------------------------------------------------------------------------------------------------------------- scope

X, Y = frozenset("x"), frozenset("y")


def test_who_is_scoped_hears_what_its_labels_allow() -> None:
    room = Room()
    readers = [room.reader("ea_updates", "alerts", scope=scope) for scope in (None, X, Y, frozenset())]
    for n, held in enumerate([None, X, Y, X | Y]):
        room.publish("ea_update", ea_id=n, labels=held)
        room.publish("alert", labels=held, n=n)
    room.settle()
    late = [room.reader("ea_updates", "alerts", scope=reader.session.scope, history=9) for reader in readers]
    room.settle()
    for early, newcomer, expected in zip(readers, late, [[0, 1, 2, 3], [0, 1, 3], [0, 2, 3], [0]], strict=True):
        for reader in (early, newcomer):
            heard = reader.take()
            for field, message_type in (("ea_id", "ea_update"), ("n", "alert")):
                assert [m["data"][field] for m in heard if m["type"] == message_type] == expected


def test_the_last_events_are_the_last_that_it_may_hear() -> None:
    room = Room()
    for n in range(10):
        room.publish("alert", labels=X if n < 5 else Y, ea_id=n % 2, n=n)
    reader = room.reader("alerts:0", scope=X, history=2)
    room.settle()
    assert told(reader)[1:] == [("alert", 2), ("alert", 4), ("snapshot_end", ["alerts:0"])]


@pytest.mark.parametrize("behind", [False, True], ids=["live", "behind"])
def test_a_row_that_moves_out_of_sight_ends_for_those_who_had_it(behind: bool) -> None:
    room = Room()
    all_, x, y, nothing = (room.reader("ea_updates", scope=scope) for scope in (None, X, Y, frozenset()))
    room.publish("ea_update", labels=X, ea_id=1, profit=1)
    room.settle()
    for reader in (all_, x, y, nothing):
        reader.take()
        if behind:
            room.pause(reader)
    for profit in (2, 3):
        room.publish("ea_update", labels=Y, ea_id=1, profit=profit)
    room.settle()
    if behind:
        for reader in (all_, x, y, nothing):
            room.drained(reader)
        room.settle()
    assert [m["data"] for m in all_.take()] == [{"ea_id": 1, "profit": 3}]
    assert [m["data"] for m in y.take()] == [{"ea_id": 1, "profit": 3}]
    assert [m["data"] for m in x.take()] == [{"ea_id": 1, "status": "removed"}]
    assert nothing.take() == []
    room.publish("ea_update", labels=Y, ea_id=1, profit=4)
    newcomer = room.reader("ea_updates", scope=X)
    room.settle()
    assert x.take() == [], "once"
    assert len(newcomer.take()) == 1, "nothing but the answer: it never had that row"


def test_the_end_of_a_row_reaches_all_who_had_it_whatever_its_own_labels() -> None:
    room = Room()
    x, nothing = room.reader("ea_updates", scope=X), room.reader("ea_updates", scope=frozenset())
    room.publish("ea_update", labels=X, ea_id=1)
    room.settle()
    x.take(), nothing.take()
    room.publish("ea_update", labels=Y, ea_id=1, status="removed")
    room.settle()
    assert [m["data"]["status"] for m in x.take()] == ["removed"]
    assert nothing.take() == []


def test_no_patch_is_made_of_what_its_reader_could_not_hear() -> None:
    room = Room()
    form = form_of("fleetwire.v2.json", deflated=False)
    reader = room.reader("ea_updates", scope=Y, form=form)
    room.publish("ea_update", labels=X, ea_id=1, fill="x" * 200, n=1)
    room.settle()
    reader.take()
    room.publish("ea_update", labels=Y, ea_id=1, fill="x" * 200, n=2)
    room.settle()
    assert [m["data"]["n"] for m in reader.take()] == [2]
    room.publish("ea_update", labels=Y, ea_id=1, fill="x" * 200, n=3)
    room.settle()
    (message,) = reader.take()
    assert (message["patch"], message["base"]) == ({"n": 3}, 2)


def test_who_loses_a_right_hears_nothing_more_of_it_from_that_moment_on() -> None:
    room = Room()
    reader = room.reader("ea_updates", "alerts")
    room.publish("ea_update", labels=X, ea_id=1)
    room.publish("ea_update", labels=Y, ea_id=2)
    room.settle()
    reader.take()
    room.publish("alert", labels=X, n=1)
    room.publish("alert", labels=Y, n=2)
    reader.say("auth", token="scope:y")
    room.settle()
    room.publish("ea_update", labels=X, ea_id=1)
    room.settle()
    assert told(reader)[1:] == [
        ("gap", "ea_updates"),
        ("ea_update", 2),
        ("alert", 2),
        ("snapshot_end", ["ea_updates"]),
    ]


def test_who_authenticates_again_with_the_same_rights_goes_on() -> None:
    room = Room()
    reader = room.reader("ea_updates", scope=X)
    room.settle()
    cohorts = reader.session.cohorts
    reader.say("auth", token="scope:x")
    assert reader.session.cohorts is cohorts


# ----------------------------------------------------------------------------------------------------- what is lost


def test_subscribing_twice_before_the_rows_are_there_loses_nothing() -> None:
    room = Room()
    room.publish("ea_update", ea_id=1)
    reader = room.reader("ea_updates")
    room.settle()
    reader.subscribe("ea_updates")
    reader.subscribe("ea_updates")
    reader.take()
    room.settle()
    assert told(reader) == [("ea_update", 1)]


def test_a_gap_names_the_messages_of_a_whole_channel_only_where_they_are_lost() -> None:
    """One key of it, from an earlier position, is another matter: what was heard is not lost."""
    room = Room(Limits(history_count_max=4))
    reader = room.reader("alerts")
    room.settle()
    for n in range(1, 4):
        room.publish("alert", ea_id=n % 2, n=n)
    room.settle()
    room.pause(reader)
    for n in range(4, 11):
        room.publish("alert", ea_id=n % 2, n=n)
    reader.subscribe("alerts:1", since={"epoch": "epoch-1", "position": 1})
    room.settle()
    reader.take()
    room.drained(reader)
    room.settle()
    gaps = [message["data"] for message in reader.take() if message["type"] == "gap"]
    assert gaps == [
        {"channel": "alerts", "from_seq": 4, "to_seq": 6, "since": 3, "until": 6, "epoch": "epoch-1"},
        {"channel": "alerts", "since": 1, "until": 6, "epoch": "epoch-1"},
    ]


def test_who_resumes_what_has_begun_anew_is_given_all_and_told_where_it_ends() -> None:
    """What ended since then may stand in its rows: `recovered` would be a promise that nobody keeps."""
    room = Room()
    for n in (1, 2):
        room.publish("ea_update", ea_id=n)
    room.publish("ea_update", ea_id=1, status="removed")
    room.settle()
    reader = room.reader("ea_updates")
    response = reader.subscribe("ea_updates", since={"epoch": "epoch-1", "position": 2})
    assert response["recovered"] == {"ea_updates": False}
    reader.take()
    room.settle()
    assert told(reader) == [("ea_update", 2), ("snapshot_end", ["ea_updates"])]
