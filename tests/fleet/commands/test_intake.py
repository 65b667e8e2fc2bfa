"""How a request becomes commands."""

from fleetwire.fleet.commands import Target
from tests.fleet.commands.support import Desk, at, request


def test_a_command_has_all_that_was_asked_for() -> None:
    asked = request(
        "close_position",
        params={"ticket": 5},
        by="ann",
        address="10.0.0.1",
        reason="too hot",
        idempotency_key="k",
        expires_in_s=30.5,
    )
    made = Desk().submit(asked, seconds=2)
    command = made.command
    assert (command.command_id, command.number, command.nonce, command.ea_id) == ("c1", 1, "n1", 7)
    assert (command.by, command.address, command.reason, command.idempotency_key) == ("ann", "10.0.0.1", "too hot", "k")
    assert (command.issued_ms, command.expires_ms) == (at(2).utc_ms, at(32.5).utc_ms)
    assert (command.priority.name, command.target) == ("closing", "EA 7")
    (step,) = made.steps
    assert (step.before, step.after, step.by, step.address, step.why) == (None, command, "ann", "10.0.0.1", "too hot")


def test_each_child_is_a_command_of_its_own() -> None:
    made = Desk().submit(request("close_all", target=Target(account="Broker/5"), idempotency_key="k"), (7, 8))
    assert [step.after.command_id for step in made.steps] == ["c1", "c1.1", "c1.2"]
    assert [step.after.number for step in made.steps] == [1, 2, 3]
    for child in made.children:
        assert (child.parent_id, child.target, child.idempotency_key) == ("c1", "account Broker/5", "")
        assert (child.priority, child.expires_ms) == (made.command.priority, made.command.expires_ms)
