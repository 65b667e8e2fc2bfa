"""The command engine: what may happen to a command, and what may not."""

from fleetwire.fleet.commands import Status, Target
from tests.fleet.commands.support import Desk, at, request


def test_a_command_is_queued_delivered_accepted_and_executed():
    desk = Desk()
    made = desk.submit(request("pause"))
    assert [(step.before, step.after.status, step.by) for step in made.steps] == [(None, "queued", "admin")]
    command_id = made.command.command_id
    desk.commands.expert_started(7, "a", at())
    steps = [
        *desk.commands.delivered(command_id, "a", at(1)),
        *desk.ack(command_id, "accepted", 2),
        *desk.ack(command_id, "executed", 3, closed=2),
    ]
    assert [step.after.status for step in steps] == ["delivered", "accepted", "executed"]
    assert all(step.before.status is not step.after.status for step in steps)
    assert steps[-1].after.results == {"closed": 2}
    assert steps[-1].by == "EA 7"
    assert desk.commands.pending(7) == []
    assert desk.commands.waiting == 0


def test_a_parent_is_executed_when_all_of_its_children_are():
    desk = Desk()
    made = desk.submit(request("pause", target=Target(all=True)), (7, 8))
    assert [child.ea_id for child in made.children] == [7, 8]
    for child in made.children:
        desk.commands.delivered(child.command_id, "", at())
        desk.commands.acknowledge(child.ea_id, child.command_id, "executed", {}, "", at())
    assert desk.commands.get("c1").status is Status.executed
    assert desk.commands.get("c1").results == {"executed": 2}
