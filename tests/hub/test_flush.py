"""One flush: what it may cost, however many listen, and the aggregates that it asks for."""

from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.wire import codec
from fleetwire.wire.errors import DataError
from fleetwire.wire.forms import FORMS
from tests.hub.support import Room, unframe


def test_a_message_is_encoded_once_however_many_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    readers = [room.reader("ea_updates") for _ in range(50)]
    room.settle()
    encoded: list[str] = []
    encode = codec.encode_published

    def count(message_type: str, **fields: Any) -> bytes:
        encoded.append(message_type)
        return encode(message_type, **fields)

    monkeypatch.setattr(codec, "encode_published", count)
    monkeypatch.setattr(codec, "encode", lambda _: pytest.fail("nothing but the message is encoded"))
    room.publish("ea_update", ea_id=1)
    room.settle()
    assert encoded == ["ea_update"]
    assert all(reader.take()[-1]["data"] == {"ea_id": 1} for reader in readers)


def test_a_flush_is_one_write_of_the_very_same_bytes_to_everybody_in_a_cohort() -> None:
    room = Room()
    readers = [room.reader("ea_updates", "alerts") for _ in range(50)]
    room.settle()
    for reader in readers:
        reader.take()
    for n in range(100):
        room.publish("ea_update", ea_id=n)
        room.publish("alert", n=n)
    room.settle()
    assert {len(reader.writes) for reader in readers} == {1}
    assert len({id(reader.writes[0]) for reader in readers}) == 1
    assert len(unframe(readers[0].writes[0])) == 200


def test_a_long_flush_is_one_write_a_piece() -> None:
    room = Room(Limits(piece_bytes_max=1000))
    readers = [room.reader("alerts") for _ in range(5)]
    room.settle()
    for reader in readers:
        reader.take()
    for n in range(10):
        room.publish("alert", n=n, fill="x" * 300)
    room.publish("alert", n=10, fill="x" * 3000)
    room.settle()
    for reader in readers:
        assert [len(unframe(buffer)) for buffer in reader.writes] == [2, 2, 2, 2, 2, 1]
        assert all(len(buffer) <= 1000 for buffer in reader.writes[:-1])
        assert [id(buffer) for buffer in reader.writes] == [id(buffer) for buffer in readers[0].writes]


def test_those_who_come_back_together_share_their_pieces() -> None:
    room = Room()
    for n in range(10):
        room.publish("ea_update", ea_id=n)
    room.flush()
    readers = [room.reader("ea_updates") for _ in range(20)]
    for reader in readers:
        reader.take()
    room.settle()
    assert {len(reader.writes) for reader in readers} == {1}
    assert len({id(reader.writes[0]) for reader in readers}) == 1


def test_a_flush_visits_only_those_who_have_something_to_hear() -> None:
    room = Room()
    for ea_id in range(100):
        room.reader(f"ea_updates:{ea_id}")
    room.settle()
    before = room.deliveries
    room.publish("ea_update", ea_id=7)
    room.settle()
    assert room.deliveries - before == 1


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


# ---------------------------------------------------------------------------------------------------------- the seal


def test_a_flush_tells_what_was_sealed_and_the_next_one_what_came_after() -> None:
    room = Room()
    reader = room.reader("ea_updates", "alerts")
    room.settle()
    reader.take()
    room.publish("alert", n=1)
    room.publish("ea_update", ea_id=1)
    room.hub.seal()
    room.publish("alert", n=2)
    room.publish("ea_update", ea_id=1)
    assert [(name, entry.seq) for name, entry in room.hub.sealed_events()] == [("alerts", 1)]
    room.flush()
    assert [message["position"] for message in reader.take()] == [1, 2]
    assert room.hub.dirty
    room.settle()
    assert [message["position"] for message in reader.take()] == [3, 4]
    assert not room.hub.dirty


def test_what_is_sealed_of_events_is_in_order_of_positions_over_all_channels() -> None:
    room = Room()
    for message_type in ("trade_update", "alert", "ea_update", "trade_update", "news_update"):
        room.publish(message_type, ea_id=1)
    room.hub.seal()
    room.hub.seal()
    assert [entry.position for _, entry in room.hub.sealed_events()] == [1, 2, 4, 5]
    room.settle()
    room.hub.seal()
    assert room.hub.sealed_events() == []


def test_sums_are_sealed_with_their_rows() -> None:
    room = Room()
    reader = room.reader("ea_updates", "portfolio_updates")
    room.settle()
    reader.take()
    room.publish("ea_update", ea_id=1, n=1)
    room.hub.at_flush(lambda: room.publish("portfolio_update", n=1) and None)
    room.hub.seal()
    room.publish("ea_update", ea_id=1, n=2)
    room.hub.at_flush(lambda: room.publish("portfolio_update", n=2) and None)
    room.settle()
    assert [(m["type"], m["data"]["n"]) for m in reader.take()] == [
        ("ea_update", 1),
        ("portfolio_update", 1),
        ("ea_update", 2),
        ("portfolio_update", 2),
    ]


def test_who_comes_after_the_seal_begins_at_the_seal() -> None:
    room = Room()
    room.publish("ea_update", ea_id=1, n=1)
    room.hub.seal()
    room.publish("ea_update", ea_id=1, n=2)
    room.publish("alert", n=3)
    reader = room.reader()
    assert reader.subscribe("ea_updates", "alerts")["position"] == 1
    reader.take()
    room.flush()
    assert [message["position"] for message in reader.take()] == [1]
    room.settle()
    assert [message["position"] for message in reader.take()] == [2, 3]


def test_what_is_staged_counts_for_the_bounds_and_for_the_next_patch() -> None:
    room = Room(Limits(state_keys_max=2, unflushed_count_max=3, unflushed_bytes_max=1000))
    reader = room.reader("ea_updates", form=FORMS[2])
    text = "so long that a patch is shorter " * 3
    room.settle()
    reader.take()
    room.hub.seal()
    room.publish("ea_update", ea_id=1, text=text, n=1)
    room.publish("ea_update", ea_id=1, text=text, n=2)
    assert not room.hub.must_flush
    room.publish("ea_update", ea_id=2)
    assert room.hub.must_flush
    with pytest.raises(DataError, match="holds 2 keys already"):
        room.publish("ea_update", ea_id=3)
    room.settle()
    assert [message["position"] for message in reader.take()] == [2, 3]
    room.hub.seal()
    room.publish("ea_update", ea_id=1, text=text, n=3)
    room.publish("ea_update", ea_id=2, status="removed")
    room.publish("ea_update", ea_id=3)
    room.settle()
    heard = reader.take()
    assert heard[0]["patch"] == {"n": 3}
    assert heard[0]["base"] == 2
    assert not room.hub.must_flush
    room.publish("alert", fill="x" * 500)
    room.hub.seal()
    room.publish("alert", fill="x" * 500)
    assert room.hub.must_flush, "bytes before the seal and after it"
    room.flush()
    assert not room.hub.must_flush
    room.publish("alert", fill="x" * 500)
    assert room.hub.must_flush, "what was staged is not forgotten"


def test_the_age_of_each_message_is_counted_once_when_it_is_told() -> None:
    room = Room()
    room.publish("alert", n=1)
    room.hub.seal()
    room.publish("alert", n=2)
    room.now += 2
    room.flush()
    assert sum(room.hub.counts.age_s.counts) == 1
    room.now += 1
    room.flush()
    assert sum(room.hub.counts.age_s.counts) == 2
    assert room.hub.counts.age_s.sum_s == pytest.approx(5)
