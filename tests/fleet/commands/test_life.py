"""The life of a command: the table's shape, targets, and what is kept of a command."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.commands.life import MEANINGS, TRANSITIONS, WORDS, Command, Status, Target, moved, read_memory
from fleetwire.fleet.commands.table import Priority

ENDS = {"executed", "partial", "rejected", "failed", "expired", "cancelled"}


def a_command(**fields) -> Command:
    known = {"command_id": "c1", "number": 1, "ea_id": 7, "command": "pause", "by": "admin", "target": "EA 7"}
    return Command(**known | {"issued_ms": 1, "expires_ms": 2, "lifetime_ms": 1, "clock_ms": 0} | fields)


def test_every_status_has_its_line_and_its_meaning() -> None:
    assert set(TRANSITIONS) == set(MEANINGS) == set(Status)


def test_exactly_the_ends_are_followed_by_nothing() -> None:
    assert {status.value for status in Status if status.is_end} == ENDS


def test_everything_but_an_end_can_come_to_one_and_every_status_comes_from_the_queue() -> None:
    reached, found = {Status.queued}, [Status.queued]
    while found:
        following = TRANSITIONS[found.pop()] - reached
        reached |= following
        found += following
    assert reached == set(Status)
    for status, following in TRANSITIONS.items():
        assert status.is_end or any(each.is_end for each in following)


def test_a_command_that_an_expert_has_can_not_be_cancelled() -> None:
    assert [status for status in Status if Status.cancelled in TRANSITIONS[status]] == [Status.queued]


def test_what_is_lost_sight_of_is_never_handed_over_again() -> None:
    assert not TRANSITIONS[Status.unknown] & {Status.queued, Status.delivered}
    assert not any(Status.queued in following for following in TRANSITIONS.values())


def test_an_expert_can_not_say_what_only_the_server_knows() -> None:
    assert not WORDS & {Status.queued, Status.delivered, Status.cancelled, Status.unknown}


@pytest.mark.parametrize("status", list(Status))
def test_a_step_that_the_table_does_not_have_can_not_be_taken(status) -> None:
    for other in Status:
        if other in TRANSITIONS[status]:
            assert moved(a_command(status=status), other, 9, "so").status is other
        else:
            with pytest.raises(AssertionError, match="is never followed by"):
                moved(a_command(status=status), other, 9, "so")


@pytest.mark.parametrize("fields", [{}, {"ea_id": 7, "all": True}, {"group": "a", "strategy": "b"}, {"all": False}])
def test_a_target_is_exactly_one(fields) -> None:
    with pytest.raises(ValueError, match="give exactly one of ea_id, account, group, strategy, all"):
        Target(**fields)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Target)


def test_a_target_says_whom_it_means() -> None:
    assert str(Target(ea_id=0)) == "EA 0"
    assert str(Target(account="Broker/5")) == "account Broker/5"
    assert str(Target(all=True)) == "all experts"


@given(
    st.builds(
        a_command,
        status=st.sampled_from(Status),
        priority=st.sampled_from(Priority),
        ea_id=st.none() | st.integers(-(2**63), 2**63 - 1),
        params=st.dictionaries(st.text(max_size=3), st.integers(0, 9) | st.text(max_size=3), max_size=3),
        results=st.dictionaries(st.text(max_size=3), st.booleans(), max_size=3),
        why=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    )
)
def test_what_is_kept_of_a_command_is_all_of_it(command) -> None:
    assert read_memory(command.memory()) == command
    assert (command.settled_ms is None) == (command.status in ("queued", "delivered", "accepted"))
    if command.is_parent:
        with pytest.raises(ValueError, match="several experts"):
            assert command.owner
    else:
        assert command.owner == command.ea_id
