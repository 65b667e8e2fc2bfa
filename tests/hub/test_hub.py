"""Publish, subscribe, flush: each promise of the hub by itself (all of them at once: test_convergence)."""

from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.wire.errors import DataError
from fleetwire.wire.forms import form_of
from tests.hub.support import UTC, Reader, Room


def told(reader: Reader) -> list[tuple[str, Any]]:
    """What a reader was told since the last time: types, and what each is about."""
    subject = {"gap": "channel", "snapshot_end": "channels", "subscription_response": "status", "alert": "n"}
    return [(m["type"], m["data"].get(subject.get(m["type"], "ea_id"))) for m in reader.take()]


# ------------------------------------------------------------------------------------------------------------ publish


def test_a_message_has_its_channel_position_key_and_time() -> None:
    room = Room()
    reader = room.reader("ea_updates", "alerts")
    reader.take()
    room.publish("ea_update", ea_id=12345, profit=1.5)
    room.hub.publish("alert", {"level": "warning"}, now=room.now, timestamp=UTC, as_of="then")
    room.settle()
    assert reader.take() == [
        {
            "type": "ea_update",
            "data": {"ea_id": 12345, "profit": 1.5},
            "timestamp": UTC,
            "channel": "ea_updates",
            "position": 1,
            "key": "12345",
        },
        {
            "type": "alert",
            "data": {"level": "warning"},
            "timestamp": UTC,
            "channel": "alerts",
            "position": 2,
            "seq": 1,
            "as_of": "then",
        },
    ]


@pytest.mark.parametrize(
    ("message_type", "data"),
    [
        ("nonsense", {}),
        ("ea_update", {}),
        ("ea_update", {"ea_id": 1, "profit": float("nan")}),
        ("ea_update", {"ea_id": 1, "text": "x" * 2000}),
        ("ea_update", {"ea_id": 3}),
        ("alert", []),
        ("alert", {"x": float("inf")}),
    ],
    ids=["type", "key", "nan", "too long", "too many keys", "no object", "infinity"],
)
def test_what_is_refused_leaves_no_trace(message_type: str, data: Any) -> None:
    room = Room(Limits(publish_bytes_max=1000, state_keys_max=2))
    room.publish("ea_update", ea_id=1)
    room.publish("ea_update", ea_id=2)
    with pytest.raises(DataError):
        room.hub.publish(message_type, data, now=room.now, timestamp=UTC)
    assert room.hub.position == 2
    room.publish("alert", n=1)
    reader = room.reader("ea_updates", "alerts", history=9)
    reader.take()
    room.settle()
    heard = reader.take()
    assert [message.get("position") for message in heard] == [1, 2, 3, None]
    assert heard[2]["seq"] == 1


def test_a_row_that_exists_or_ends_needs_no_room_for_another_key() -> None:
    room = Room(Limits(state_keys_max=1))
    room.publish("ea_update", ea_id=1)
    room.publish("ea_update", ea_id=1, status="removed")
    room.publish("ea_update", ea_id=7, status="removed")
    room.publish("ea_update", ea_id=2)
    with pytest.raises(DataError, match="holds 1 keys already"):
        room.publish("ea_update", ea_id=1)


@pytest.mark.parametrize("form", [dict, MappingProxyType, lambda data: SimpleNamespace(**data)])
def test_a_row_ends_in_whatever_form_its_end_is_published(form: Any) -> None:
    room = Room()
    room.publish("ea_update", ea_id=1)
    data = form({"ea_id": 1, "status": "removed"})
    if isinstance(data, SimpleNamespace):
        data.__dict__["item"] = lambda: {"ea_id": 1, "status": "removed"}
    room.hub.publish("ea_update", data, now=room.now, timestamp=UTC)
    room.settle()
    reader = room.reader("ea_updates")
    reader.take()
    room.settle()
    assert reader.take() == []


def test_publishing_asks_for_a_flush_before_too_much_waits() -> None:
    room = Room(Limits(unflushed_count_max=3))
    for expected in (False, False, False, True):
        assert room.hub.must_flush is expected
        room.publish("alert", n=1)
    room.flush()
    assert not room.hub.must_flush
    room = Room(Limits(unflushed_bytes_max=100))
    room.publish("alert", text="x" * 100)
    assert room.hub.must_flush


# ---------------------------------------------------------------------------------------------------------- subscribe


def test_a_newcomer_is_given_the_rows_and_then_what_comes() -> None:
    room = Room()
    room.publish("ea_update", ea_id=1)
    room.publish("alert", n=1)
    reader = room.reader("ea_updates", "alerts")
    room.settle()
    room.publish("alert", n=2)
    room.settle()
    assert told(reader) == [("subscription_response", "subscribed"), ("ea_update", 1), ("alert", 2)]


def test_who_asks_for_history_is_given_the_last_events_and_told_where_they_end() -> None:
    room = Room()
    for n in range(1, 6):
        room.publish("alert", n=n)
    reader = room.reader("alerts", history=2)
    room.settle()
    assert told(reader)[1:] == [("alert", 4), ("alert", 5), ("snapshot_end", ["alerts"])]


def test_who_wants_no_snapshot_gets_what_comes() -> None:
    room = Room()
    room.publish("ea_update", ea_id=1)
    reader = room.reader("ea_updates", snapshot=False)
    room.publish("ea_update", ea_id=2)
    room.settle()
    assert told(reader)[1:] == [("ea_update", 2)]


def test_one_key_is_heard_alone() -> None:
    room = Room()
    reader = room.reader("ea_updates:1", "alerts:1")
    for ea_id in (1, 2):
        room.publish("ea_update", ea_id=ea_id)
        room.publish("alert", ea_id=ea_id, n=ea_id)
    room.settle()
    room.publish("ea_update", ea_id=2)
    room.publish("ea_update", ea_id=1)
    room.settle()
    assert told(reader)[1:] == [("ea_update", 1), ("alert", 1), ("ea_update", 1)]


def test_unsubscribing_ends_it_at_once() -> None:
    room = Room()
    reader = room.reader("alerts", "ea_updates")
    room.settle()
    room.publish("alert", n=1)
    room.publish("ea_update", ea_id=1)
    reader.take()
    reader.unsubscribe("alerts", "news_updates")
    room.settle()
    assert told(reader) == [("subscription_response", "unsubscribed"), ("ea_update", 1)]


def test_subscribing_again_loses_no_event_that_is_still_on_its_way() -> None:
    room = Room()
    reader = room.reader("alerts")
    room.settle()
    room.publish("alert", n=1)
    reader.subscribe("alerts")
    room.settle()
    room.pause(reader)
    room.publish("alert", n=2)
    room.flush()
    reader.subscribe("alerts", since={"epoch": "epoch-1", "position": room.hub.position})
    room.drained(reader)
    room.settle()
    assert [what for what in told(reader) if what[0] == "alert"] == [("alert", 1), ("alert", 2)]


def test_subscribing_again_gives_all_rows_again_and_the_ends_of_those_that_are_gone() -> None:
    room = Room()
    for ea_id in (1, 2):
        room.publish("ea_update", ea_id=ea_id)
    reader = room.reader("ea_updates")
    room.settle()
    reader.take()
    room.publish("ea_update", ea_id=1, status="removed")
    reader.subscribe("ea_updates")
    room.settle()
    heard = [(m["data"].get("ea_id"), m["data"].get("status")) for m in reader.take()[1:]]
    assert heard == [(2, None), (1, "removed")]


@pytest.mark.parametrize(
    ("epoch", "position", "recovered", "expected"),
    [
        ("epoch-1", 5, True, []),
        ("epoch-1", 3, True, [("alert", 4), ("alert", 5)]),
        ("epoch-1", 2, True, [("alert", 3), ("alert", 4), ("alert", 5)]),
        ("epoch-1", 1, False, [("gap", "alerts"), ("alert", 3), ("alert", 4), ("alert", 5)]),
        ("epoch-1", 6, False, [("gap", "alerts")]),
        ("epoch-1", -1, False, [("gap", "alerts")]),
        ("epoch-1", 10**40, False, [("gap", "alerts")]),
        ("epoch-0", 4, False, [("gap", "alerts"), ("gap", "alerts"), ("alert", 3), ("alert", 4), ("alert", 5)]),
    ],
    ids=["newest", "inside", "edge", "lost", "future", "negative", "huge", "foreign"],
)
def test_events_are_resumed_or_their_loss_is_told(
    epoch: str, position: int, recovered: bool, expected: list[tuple[str, Any]]
) -> None:
    room = Room(Limits(history_count_max=3))
    for n in range(1, 6):
        room.publish("alert", n=n)
    room.flush()
    reader = room.reader()
    response = reader.subscribe("alerts", since={"epoch": epoch, "position": position})
    assert response["recovered"] == {"alerts": recovered}
    room.settle()
    assert told(reader)[1:] == [*expected, ("snapshot_end", ["alerts"])]


def test_a_gap_names_what_is_lost() -> None:
    room = Room(Limits(history_count_max=2))
    for n in range(1, 6):
        room.publish("alert", n=n)
    room.flush()
    reader = room.reader("alerts", since={"epoch": "epoch-1", "position": 1})
    room.settle()
    gap = next(message["data"] for message in reader.take() if message["type"] == "gap")
    assert gap == {"channel": "alerts", "to_seq": 3, "since": 1, "until": 3, "epoch": "epoch-1"}


def test_a_loss_is_told_once_however_many_keys_it_concerns() -> None:
    room = Room()
    names = [f"alerts:{key}" for key in range(100)]
    reader = room.reader(*names, since={"epoch": "epoch-0", "position": 7})
    room.settle()
    assert [what for what in told(reader) if what[0] == "gap"] == [("gap", "alerts")]


def test_each_channel_is_resumed_from_its_own_position() -> None:
    room = Room()
    for n in (1, 2):
        room.publish("alert", n=n)
        room.publish("ea_update", ea_id=n)
    since = {"epoch": "epoch-1", "position": 1, "positions": {"alerts": 3}}
    reader = room.reader("alerts", "ea_updates", "trade_updates", since=since)
    room.settle()
    assert told(reader)[1:] == [("ea_update", 1), ("ea_update", 2), ("snapshot_end", ["alerts", "trade_updates"])]


# ------------------------------------------------------------------------------------------------------- slow readers


def test_a_slow_reader_is_given_the_last_value_of_each_row_and_every_event() -> None:
    room = Room()
    reader = room.reader("ea_updates", "alerts")
    room.settle()
    reader.take()
    room.pause(reader)
    for n in range(1, 4):
        room.publish("ea_update", ea_id=1, n=n)
        room.publish("alert", n=n)
        room.flush()
    assert reader.writes == []
    room.drained(reader)
    room.settle()
    assert told(reader) == [("alert", 1), ("alert", 2), ("ea_update", 1), ("alert", 3)]


def test_a_reader_that_a_gap_fills_is_not_let_in_while_it_is_full() -> None:
    """Only told of a loss, with nothing after it: full is full."""
    room = Room()
    reader = room.reader("alerts")
    reader.subscribe("alerts", since={"epoch": "epoch-0", "position": 1})
    reader.full = True
    room.settle()
    assert reader.session.paused
    assert reader.session.cohorts == ()
    reader.take()
    room.publish("alert", n=1)
    room.settle()
    assert reader.writes == []
    room.drained(reader)
    room.settle()
    assert told(reader) == [("alert", 1), ("snapshot_end", ["alerts"])]


def test_who_fills_up_in_the_middle_of_a_flush_is_given_the_rest_once() -> None:
    room = Room(Limits(piece_bytes_max=1000))
    readers = [room.reader("alerts") for _ in range(3)]
    room.settle()
    for n in range(6):
        room.publish("alert", n=n, fill="x" * 300)
    for reader in readers:
        reader.take()
    readers[1].full = True
    room.settle()
    assert [len(reader.heard) for reader in readers] == [6, 2, 6]
    room.drained(readers[1])
    room.settle()
    for reader in readers:
        assert told(reader) == [("alert", n) for n in range(6)]


@pytest.mark.parametrize("live", [True, False], ids=["in its cohort", "catching up"])
def test_who_leaves_in_the_middle_of_a_flush_leaves_nothing_behind(live: bool) -> None:
    room = Room(Limits(piece_bytes_max=1000))
    reader = room.reader("alerts", history=6)
    if live:
        room.settle()
    for n in range(6):
        room.publish("alert", n=n, fill="x" * 400)
    deliveries = room.hub.flush(room.now, UTC)
    next(deliveries)
    room.hub.leave(reader.session)
    for delivery in deliveries:
        assert reader.session not in delivery.sessions
    assert reader.session.cohorts == ()
    assert not reader.session.stragglers
    assert [len(pace.cohorts) for pace in room.hub._paces.values()] == [0]
    assert not room.hub.dirty


def test_the_end_of_a_row_reaches_the_live_however_few_ends_are_remembered() -> None:
    room = Room(Limits(tombstones_max=1))
    for ea_id in range(3):
        room.publish("ea_update", ea_id=ea_id)
    reader = room.reader("ea_updates")
    room.settle()
    reader.take()
    for ea_id in range(3):
        room.publish("ea_update", ea_id=ea_id, status="removed")
    room.settle()
    assert [(m["data"]["ea_id"], m["data"]["status"]) for m in reader.take()] == [(n, "removed") for n in range(3)]


def test_who_missed_a_forgotten_end_is_told_so_and_given_all_rows_anew() -> None:
    room = Room(Limits(tombstones_max=1))
    for ea_id in (1, 2, 3, 4):
        room.publish("ea_update", ea_id=ea_id)
    reader = room.reader("ea_updates", "ea_updates:4")
    room.settle()
    reader.take()
    room.pause(reader)
    for ea_id in (1, 2, 3):
        room.publish("ea_update", ea_id=ea_id, status="removed")
    room.settle()
    room.drained(reader)
    room.settle()
    heard = told(reader)
    assert heard[:2] == [("gap", "ea_updates"), ("ea_update", 4)]
    assert heard[2][0] == "snapshot_end"
    assert set(heard[2][1]) == {"ea_updates", "ea_updates:4"}


def test_many_who_are_far_behind_share_the_budget_of_a_flush_and_all_arrive() -> None:
    room = Room(Limits(piece_bytes_max=1000, catch_up_bytes_per_flush_max=5000))
    for n in range(20):
        room.publish("ea_update", ea_id=n, fill="x" * 900)
    readers = [room.reader("ea_updates") for _ in range(10)]
    for reader in readers:
        reader.take()
    flushes = 0
    while room.hub.dirty:
        flushes += 1
        room.flush()
        given = sum(len(buffer) for reader in readers for buffer in reader.writes)
        assert given <= flushes * (5000 + 4 * 1100)
    assert flushes >= 20
    assert all(len(reader.take()) == 20 for reader in readers)


def test_a_catching_up_reader_holds_up_nobody_who_is_live() -> None:
    room = Room(Limits(piece_bytes_max=1000, catch_up_bytes_per_flush_max=1))
    live = room.reader("alerts")
    room.settle()
    for n in range(50):
        room.publish("ea_update", ea_id=n, fill="x" * 900)
    late = room.reader("ea_updates")
    live.take()
    room.publish("alert", n=1)
    room.flush()
    assert told(live) == [("alert", 1)]
    assert late.session.cohorts == ()


# --------------------------------------------------------------------------------------------------------- aggregates


def test_an_aggregate_is_asked_once_at_the_flush_and_stands_after_its_rows() -> None:
    room = Room()
    reader = room.reader("portfolio_updates", "ea_updates")
    room.settle()
    reader.take()
    asked: list[int] = []

    def total() -> None:
        asked.append(room.hub.position)
        room.publish("portfolio_update", total_profit=3)

    for ea_id in (1, 2):
        room.publish("ea_update", ea_id=ea_id)
        room.hub.at_flush(total)
    room.settle()
    assert asked == [2]
    assert [message["type"] for message in reader.take()] == ["ea_update", "ea_update", "portfolio_update"]


def test_a_broken_aggregate_is_logged_and_keeps_nothing_from_anybody(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    reader = room.reader("ea_updates", "portfolio_updates")
    room.settle()
    reader.take()

    def broken() -> None:
        raise ZeroDivisionError

    room.hub.at_flush(broken)
    room.hub.at_flush(lambda: room.publish("portfolio_update", total_profit=3) and None)
    room.publish("ea_update", ea_id=1)
    room.settle()
    assert [message["type"] for message in reader.take()] == ["ea_update", "portfolio_update"]
    assert "an aggregate failed" in caplog.text


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
