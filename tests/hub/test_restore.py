"""A hub that goes on where another run ended: what was kept is there, what is not is named, nothing is told twice."""

import json
from typing import Any

import pytest

from fleetwire.hub.hub import Kept
from fleetwire.hub.limits import Limits
from tests.hub.support import UTC, Reader, Room, told


class Run(Room):
    """One run; everything it tells of event channels is kept first, except what is said to be lost."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.kept: list[Kept] = []
        self.keep = lambda events: self.kept.extend(
            Kept(channel, one.position, one.seq, one.key, one.at, one.payload) for channel, one in events
        )

    def alerts(self, *numbers: int) -> None:
        for n in numbers:
            self.publish("alert", n=n)
        self.settle()

    def restart(self, reserved: int = 100, *, limits: Limits | None = None, unkept_until: int = 0) -> "Run":
        run = Run(limits)
        run.kept, run.now = self.kept, self.now
        run.hub.restore(self.hub.epoch, reserved, self.kept, self.now, unkept_until=unkept_until)
        return run

    def back(self, position: int, *channels: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Come back with a position; give the answer, and what is heard then."""
        reader = self.reader()
        data = reader.subscribe(*channels, since={"epoch": self.hub.epoch, "position": position})
        reader.take()
        self.settle()
        return data, reader.take()


def alerts(messages: list[dict[str, Any]]) -> list[int]:
    return [message["data"]["n"] for message in messages if message["type"] == "alert"]


def gaps(messages: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(m["data"]["since"], m["data"]["until"]) for m in messages if m["type"] == "gap"]


def test_who_comes_back_after_a_restart_hears_exactly_the_events_that_it_missed() -> None:
    run = Run()
    run.alerts(1, 2, 3)
    run = run.restart()
    run.alerts(4)
    data, heard = run.back(2, "alerts")
    assert (data["epoch"], data["recovered"]) == ("epoch-1", {"alerts": True})
    assert alerts(heard) == [3, 4]
    assert [message["seq"] for message in heard[:2]] == [3, 4]
    assert heard[0]["position"] == 3, "as it was when it was published"
    assert gaps(heard) == []


def test_positions_go_on_above_what_was_reserved_and_above_what_was_kept() -> None:
    run = Run()
    run.alerts(1, 2, 3)
    for reserved, unkept_until in ((0, 0), (3, 0), (500, 0), (3, 40)):
        again = run.restart(reserved, unkept_until=unkept_until)
        before = max(reserved, unkept_until, 3)
        assert again.publish("alert", n=4) > before
        data = again.reader().subscribe("alerts")
        assert data["position"] > before


def test_restarts_in_a_row_lose_and_double_nothing() -> None:
    run = Run()
    heard: list[int] = []
    position = 0
    for n in range(0, 12, 3):
        run.alerts(n)
        data, messages = run.back(position, "alerts")
        heard += alerts(messages)
        position = messages[-1]["position"] if messages[-1]["type"] == "alert" else data["position"]
        run.alerts(n + 1, n + 2)
        assert gaps(messages) == []
        run = run.restart(run.hub.position + 10)
    heard += alerts(run.back(position, "alerts")[1])
    assert heard == list(range(12))


def test_the_kept_messages_are_told_as_the_very_bytes_that_were_published() -> None:
    run = Run()
    reader = run.reader("alerts")
    run.alerts(1)
    published = reader.take()[-1]
    run = run.restart()
    (_, heard) = run.back(0, "alerts")
    assert heard[0] == published
    newcomer = run.reader("alerts", history=5)
    run.settle()
    assert published in newcomer.take()


def test_rows_begin_anew_for_whoever_was_here_before_the_restart() -> None:
    run = Run()
    run.publish("ea_update", ea_id=1)
    run.publish("ea_update", ea_id=2)
    run.settle()
    run = run.restart(reserved=2)  # exactly as many as were given away
    run.publish("ea_update", ea_id=2)
    for position in (1, 2):
        data, heard = run.back(position, "ea_updates")
        assert data["recovered"] == {"ea_updates": False}
        assert [m["type"] for m in heard] == ["ea_update", "snapshot_end"], "the end of row 1 is not told by itself"
    data, heard = run.back(run.hub.position, "ea_updates")
    assert (data["recovered"], heard) == ({"ea_updates": True}, []), "it was here in this run"


def test_whoever_came_after_the_restart_before_anything_was_said_has_missed_nothing() -> None:
    run = Run().restart(reserved=7)
    position = run.reader().subscribe("ea_updates", "alerts")["position"]
    run.publish("ea_update", ea_id=1)
    run.alerts(1)
    data, heard = run.back(position, "ea_updates", "alerts")
    assert data["recovered"] == {"ea_updates": True, "alerts": True}
    assert [message["type"] for message in heard[:2]] == ["ea_update", "alert"]


def test_what_may_have_been_told_and_not_kept_is_named_by_a_gap() -> None:
    run = Run()
    run.alerts(1, 2)
    kept = list(run.kept)
    run.alerts(3, 4)  # told, and lost
    run.kept = kept
    run = run.restart(unkept_until=4)
    run.alerts(5)
    for position, expected, missing in ((1, [2, 5], (2, 4)), (3, [5], (3, 4)), (4, [5], None)):
        data, heard = run.back(position, "alerts")
        assert alerts(heard) == expected
        assert gaps(heard) == ([missing] if missing else [])
        assert data["recovered"] == {"alerts": missing is None}
    assert gaps(run.back(1, "trade_updates")[1]) == [(1, 4)], "in every event channel, since nobody knows which"


def test_no_seq_names_two_messages_even_where_some_were_not_kept() -> None:
    run = Run()
    run.alerts(1)
    kept = list(run.kept)
    run.alerts(2, 3)
    seqs = {run.hub._logs["alerts"].since(0)[n].seq for n in range(3)}
    run.kept = kept
    run = run.restart(unkept_until=3)
    run.alerts(4)
    assert run.back(0, "alerts")[1][-2]["seq"] not in seqs


def test_a_gap_is_still_told_after_further_restarts() -> None:
    run = Run()
    run.alerts(1)
    kept = list(run.kept)
    run.alerts(2)
    run.kept = kept
    run = run.restart(10, unkept_until=2)
    run.alerts(3)
    run = run.restart(50)  # what was kept shows the hole
    _, heard = run.back(1, "alerts")
    assert alerts(heard) == [3]
    assert gaps(heard) == [(1, 10 + 1)]
    assert gaps(run.back(1, "trade_updates")[1]) == []
    silent = run.restart(90, unkept_until=2)  # and where nothing was kept since, whoever restarts says so again
    assert gaps(silent.back(1, "trade_updates")[1]) == [(1, 2)]


def test_where_older_ones_are_kept_no_more_a_gap_names_what_is_certain() -> None:
    run = Run()
    run.alerts(*range(1, 9))
    del run.kept[:3]
    run = run.restart()
    _, heard = run.back(1, "alerts")
    (gap,) = (message["data"] for message in heard if message["type"] == "gap")
    assert (gap["since"], gap["until"], gap["to_seq"]) == (1, 3, 3)
    assert "from_seq" not in gap, "which of them it has heard nobody knows any more"
    assert alerts(heard) == [4, 5, 6, 7, 8]
    assert run.back(3, "alerts")[0]["recovered"] == {"alerts": True}


def test_history_is_trimmed_at_once_by_number_and_by_age() -> None:
    run = Run()
    run.alerts(1)
    run.now += 100
    run.alerts(2, 3, 4)
    run.now += 5
    by_age = run.restart(limits=Limits(history_age_max_s=50))
    assert alerts(by_age.back(1, "alerts")[1]) == [2, 3, 4]
    assert by_age.back(1, "alerts")[0]["recovered"] == {"alerts": True}
    by_number = run.restart(limits=Limits(history_count_max=2))
    _, heard = by_number.back(1, "alerts")
    assert (alerts(heard), gaps(heard)) == ([3, 4], [(1, 2)])
    assert by_number.publish("alert", n=5) == 102


def test_seq_goes_on_where_everything_kept_is_too_old_to_be_told() -> None:
    run = Run()
    run.alerts(1, 2)
    run.now += 1000
    run = run.restart(limits=Limits(history_age_max_s=10))
    run.alerts(3)
    _, heard = run.back(2, "alerts")
    assert [message["seq"] for message in heard if message["type"] == "alert"] == [3]


def test_a_live_reader_hears_nothing_of_old_holes() -> None:
    run = Run()
    run.alerts(1)
    run = run.restart(unkept_until=50)
    reader: Reader = run.reader("alerts")
    run.alerts(2)
    run.hub.pause(reader.session)
    run.alerts(3)
    run.drained(reader)
    run.settle()
    assert told(reader) == [("subscription_response", "subscribed"), ("alert", 2), ("alert", 3)]


def test_an_unknown_channel_in_what_was_kept_is_passed_over() -> None:
    run = Run()
    payload = json.dumps({"type": "alert", "data": {"n": 1}}).encode()
    run.hub.restore("epoch-1", 5, [Kept("channel_of_tomorrow", 3, 1, None, 0.0, payload)], run.now)
    assert run.publish("alert", n=1) == 7


def test_a_hub_goes_on_only_before_anything_is_published() -> None:
    run = Run()
    run.hub.publish("alert", {}, now=0.0, timestamp=UTC)
    with pytest.raises(RuntimeError, match="only before anything is published"):
        run.hub.restore("epoch-1", 5, [], 0.0)
