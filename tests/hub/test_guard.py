"""What an address and a token may do: handshakes, wrong tokens, sessions; and that what is remembered is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.access import Identity, Role
from fleetwire.hub.guard import Guard
from fleetwire.hub.limits import Limits

HERE, THERE = "198.51.100.1", "198.51.100.2"


def test_the_third_wrong_token_delays_and_each_further_one_doubles_it() -> None:
    guard = Guard(Limits())
    assert [guard.failed(HERE, 0.0) for _ in range(3)] == [False, False, False]
    assert guard.delay_s(HERE, 0.0) == 1
    delays = []
    for _ in range(8):
        assert guard.failed(HERE, 0.5), "it came too early"
        delays.append(guard.delay_s(HERE, 0.5))
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]
    assert guard.delay_s(THERE, 0.5) == 0


def test_who_waits_may_try_and_who_waits_long_is_forgiven() -> None:
    guard = Guard(Limits())
    for _ in range(4):
        guard.failed(HERE, 0.0)
    assert not guard.failed(HERE, 2.1)
    assert guard.delay_s(HERE, 2.1) == pytest.approx(4)
    assert not guard.failed(HERE, 700.0)
    assert guard.delay_s(HERE, 700.0) == 0


def test_a_household_of_ipv6_has_one_delay() -> None:
    guard = Guard(Limits())
    for number in range(3):
        guard.failed(f"2001:db8::{number}", 0.0)
    assert guard.delay_s("2001:db8::ffff", 0.0) == 1
    assert guard.delay_s("2001:db8:0:1::1", 0.0) == 0


def test_all_of_an_address_may_come_back_at_once_and_then_so_many_a_second() -> None:
    guard = Guard(Limits(connections_per_address_max=50, handshakes_per_second_max=10))
    assert sum(guard.may_open(HERE, 0.0) for _ in range(100)) == 60
    assert guard.may_open(THERE, 0.0)
    assert sum(guard.may_open(HERE, 1.0) for _ in range(100)) == 10


@given(st.lists(st.integers(0, 200), max_size=200))
def test_only_so_many_addresses_are_remembered(addresses: list[int]) -> None:
    guard = Guard(Limits(addresses_max=10))
    for number in addresses:
        guard.failed(f"198.51.100.{number}", 0.0)
        guard.may_open(f"198.51.100.{number}", 0.0)
    assert len(guard._failures) <= 10
    assert len(guard._handshakes) <= 10


def test_who_was_heard_of_last_is_remembered_longest() -> None:
    guard = Guard(Limits(addresses_max=2))
    for _ in range(3):
        guard.failed(HERE, 0.0)
    guard.failed(THERE, 0.0)
    guard.failed(HERE, 0.1)
    guard.failed("198.51.100.3", 0.2)
    assert guard.delay_s(HERE, 0.2) > 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", "", "admin", "expert"])), max_size=60))
def test_a_token_has_so_many_sessions_and_a_shared_one_as_many_as_come(moves: list[tuple[bool, str]]) -> None:
    guard = Guard(Limits(sessions_per_token_max=3))
    here: list[str] = []
    for comes, name in moves:
        identity = Identity(Role.viewer, token_id=name)
        if comes:
            may = guard.enter(identity)
            assert may is (name not in "ab" or not name or here.count(name) < 3)
            if may:
                here.append(name)
        elif name in here:
            here.remove(name)
            guard.leave(identity)
    assert all(guard._sessions[name] == here.count(name) for name in "ab")
