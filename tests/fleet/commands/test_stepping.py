"""Taking a step: the command, and its parent with it."""

import pytest

from fleetwire.fleet.commands import Status, Target
from fleetwire.fleet.commands.stepping import take_step
from tests.fleet.commands.support import Desk, at, request


def test_a_step_says_who_when_from_where_and_why() -> None:
    desk = Desk()
    command = desk.queued()
    ledger = desk.commands._ledger
    (step,) = take_step(ledger, command, Status.cancelled, "ann", at(3), address="10.0.0.1", why="no")
    assert (step.before, step.by, step.utc_ms, step.address, step.why) == (
        command,
        "ann",
        at(3).utc_ms,
        "10.0.0.1",
        "no",
    )
    assert step.after is desk.commands.get("c1")
    assert (step.after.changed_ms, step.after.why) == (at(3).utc_ms, "no")


def test_a_parent_s_step_follows_its_child_s_and_is_the_server_s() -> None:
    desk = Desk()
    child, _ = desk.submit(request(target=Target(all=True)), (7, 8)).children
    steps = take_step(desk.commands._ledger, child, Status.delivered, "server", at(1))
    assert [(step.after.command_id, step.after.status, step.by) for step in steps] == [
        ("c1.1", "delivered", "server"),
        ("c1", "delivered", "server"),
    ]
    assert steps[1].why == "of 2: 1 queued, 1 delivered"
    assert desk.commands.get("c1").results == {"queued": 1, "delivered": 1}


def test_what_the_table_does_not_have_is_not_done() -> None:
    desk = Desk()
    with pytest.raises(AssertionError, match="queued is never followed by executed"):
        take_step(desk.commands._ledger, desk.queued(), Status.executed, "server", at())
    assert desk.status("c1") == "queued"
