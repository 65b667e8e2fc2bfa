"""The decisions of a client, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.client.protocol import Backoff, Losses, Options, Positions, Wanted

EVENTS = Options(snapshot=False)


@pytest.mark.parametrize(
    ("tries", "outage_s", "ceiling_s"),
    [(0, 0, 1), (1, 1, 2), (2, 3, 4), (3, 7, 5), (4, 12, 5), (9, 59.9, 5), (10, 60, 30), (500, 9e5, 30)],
)
def test_the_ceiling_grows_to_5_s_in_the_first_minute_and_to_30_s_after_it(
    tries: int, outage_s: float, ceiling_s: float
) -> None:
    backoff = Backoff()
    for _ in range(tries):
        backoff.next_delay_s(100.0, 1.0)
    if tries == 0:
        outage_s = 0
    assert backoff.next_delay_s(100.0 + outage_s, 1.0) == ceiling_s


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1))
def test_jitter_is_full_and_never_above_the_cap(waits: list[tuple[float, float]]) -> None:
    backoff, now = Backoff(), 0.0
    for number, (wait_s, chance) in enumerate(waits):
        delay_s = backoff.next_delay_s(now, chance)
        assert delay_s is not None
        assert 0 <= delay_s <= (1 if number == 0 else 5 if now < 60 else 30)
        now += wait_s


@pytest.mark.parametrize("code", [4001, 4002, 4003, 4005, 4099])
def test_who_is_told_not_to_come_back_does_not(code: int) -> None:
    assert Backoff().next_delay_s(0.0, 0.5, code) is None


@pytest.mark.parametrize("code", [4200, 4201, 4299])
def test_42xx_comes_back_at_once_but_does_not_spin(code: int) -> None:
    backoff = Backoff()
    assert backoff.next_delay_s(0.0, 0.5, code) == 0.0
    backoff.found(0.1)
    assert backoff.next_delay_s(0.2, 0.5, code) == 1.0
    backoff.found(1.0)
    assert backoff.next_delay_s(10.0, 0.5, code) == 0.0


@pytest.mark.parametrize("code", [None, 1001, 1006, 1011, 1012, 4100, 4103, 3000])
def test_others_come_back_within_a_second(code: int | None) -> None:
    assert Backoff().next_delay_s(0.0, 0.25, code) == 0.25


@pytest.mark.parametrize(
    ("reason", "delay_s"),
    [
        ("retry_after=3", 3.5),
        ("restarting; retry_after: 1.5", 2.0),
        ("retry_after=99999", 600.5),
        ("retry_after=-1", 0.5),
        ("retry_after=soon", 0.5),
        ("no_retry_after=3", 0.5),
    ],
)
def test_retry_after_is_respected_with_jitter_on_top(reason: str, delay_s: float) -> None:
    assert Backoff().next_delay_s(0.0, 0.5, 1012, reason) == delay_s


@pytest.mark.parametrize(
    ("code", "lived_s", "delay_s"),
    [(None, 0.1, 1.0), (1012, 0.1, 1.0), (4100, 0.1, 5.0), (4200, 0.1, 5.0), (4100, 5.0, 1.0), (4200, 5.0, 0.0)],
)
def test_an_outage_ends_with_a_connection_that_the_server_does_not_end_at_once(
    code: int | None, lived_s: float, delay_s: float
) -> None:
    backoff = Backoff()
    for _ in range(6):
        backoff.next_delay_s(0.0, 1.0)
    backoff.found(10.0)
    assert backoff.next_delay_s(10.0 + lived_s, 1.0, code) == delay_s


def begun(*names: str, position: int = 0, options: Options = EVENTS) -> Positions:
    positions = Positions()
    positions.learn_epoch("e1")
    positions.begin(names, position, options)
    return positions


def test_a_message_is_heard_once() -> None:
    positions = begun("alerts", position=5)
    assert [positions.heard("alerts", None, n) for n in (5, 6, 6, 5, 8, 7)] == [False, True, False, False, True, False]
    assert positions.since(["alerts"]) == {"epoch": "e1", "positions": {"alerts": 8}}


def test_a_channel_that_nobody_subscribed_to_is_let_through() -> None:
    positions = begun("alerts")
    assert positions.heard("ea_updates", "1", 3)
    assert positions.heard("ea_updates", "1", 3)


def test_rows_of_a_snapshot_are_older_than_the_reply_and_heard_all_the_same() -> None:
    positions = begun("ea_updates", position=100, options=Options())
    assert positions.last("ea_updates") is None
    assert [positions.heard("ea_updates", str(n), n) for n in (7, 50, 50)] == [True, True, False]
    assert positions.last("ea_updates") == 50  # lost now, it would go on within the snapshot
    positions.end_past(["ea_updates"])
    assert positions.last("ea_updates") == 100


def test_a_second_key_of_a_channel_has_its_own_beginning() -> None:
    positions = begun("ea_updates:1", position=9)
    positions.heard("ea_updates", "1", 100)
    positions.begin(["ea_updates:2"], 100, Options())
    assert positions.heard("ea_updates", "2", 40)
    assert not positions.heard("ea_updates", "1", 100)
    positions.end_past(["ea_updates:2"])
    positions.heard("ea_updates", "2", 120)
    assert positions.since(["ea_updates:1", "ea_updates:2"])["positions"] == {"ea_updates": 100}


def test_a_new_epoch_resets() -> None:
    positions = begun("alerts", position=500)
    positions.learn_epoch("e2")
    assert positions.heard("alerts", None, 1)
    assert positions.since(["alerts"]) == {"epoch": "e2", "positions": {"alerts": 1}}


@pytest.mark.parametrize(("position", "recovered"), [(900, False), (90, True)])
def test_a_state_channel_that_could_not_be_resumed_begins_anew(position: int, recovered: bool) -> None:
    positions = begun("ea_updates", position=500)
    positions.resume(["ea_updates"], position, {"ea_updates": recovered})
    assert positions.heard("ea_updates", "1", 80)


def test_a_told_loss_is_not_asked_for_again() -> None:
    positions = begun("alerts", position=5)
    positions.skip("alerts", 60)
    assert positions.last("alerts") == 60


@given(st.lists(st.integers(1, 40)))
def test_positions_only_go_forward_and_nothing_is_heard_twice(numbers: list[int]) -> None:
    positions = begun("alerts")
    heard = [n for n in numbers if positions.heard("alerts", None, n)]
    assert heard == sorted(set(heard))
    assert positions.last("alerts") == max(heard, default=0)


def test_without_an_epoch_nothing_can_be_resumed() -> None:
    positions = Positions()
    positions.begin(["alerts"], None, EVENTS)
    positions.heard("alerts", None, 4)
    assert positions.last("alerts") is None


def test_resubscriptions_go_on_first_and_begin_what_has_not_begun_with_its_own_options() -> None:
    wanted, positions = Wanted(), begun("alerts", position=3)
    wanted.add(["ea_updates"], Options(snapshot=True))
    wanted.add(["alerts", "gone"], EVENTS)
    wanted.remove(["gone", "never"])
    positions.begin(["ea_updates"], 3, Options())
    going_on, anew = wanted.resubscriptions(positions)
    assert going_on.names == ["alerts"]
    assert going_on.since == {"epoch": "e1", "positions": {"alerts": 3}}
    assert anew == (["ea_updates"], Options(snapshot=True), None)
    assert "alerts" in wanted
    assert "gone" not in wanted


def test_a_loss_is_told_before_the_next_message_of_its_channel_and_once() -> None:
    losses = Losses()
    losses.owe({"channel": "alerts", "since": 3})
    losses.owe({"channel": "alerts", "since": 9})
    assert losses.due("ea_update", {}, "ea_updates") == []
    assert losses.due("alert", {}, "alerts") == [{"channel": "alerts", "since": 3}]
    assert losses.due("alert", {}, "alerts") == []


@pytest.mark.parametrize(
    ("message_type", "data", "told"),
    [
        ("gap", {"channel": "alerts"}, False),
        ("snapshot_end", {"channels": ["alerts:7"]}, True),
        ("snapshot_end", {"channels": ["*"]}, True),
        ("heartbeat_response", {}, True),
        ("auth_response", {}, False),
    ],
)
def test_the_servers_own_word_is_waited_for_and_replaces_the_clients(
    message_type: str, data: dict[str, object], told: bool
) -> None:
    losses = Losses()
    losses.owe({"channel": "alerts"})
    assert bool(losses.due(message_type, data, None)) is told
    if message_type != "auth_response":
        assert losses.due("alert", {}, "alerts") == []
