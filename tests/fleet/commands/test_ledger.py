"""Where commands stand: order, clocks, forgetting, restarts."""

from fleetwire.fleet.commands import CommandLimits, Commands, Target, read_memory
from tests.fleet.commands.support import Desk, at, request


def restored(desk: Desk, seconds: float = 0.0, wall_jump_s: float = 0.0, clock_since: int | None = None) -> Desk:
    """Another run that begins with what this one has kept."""
    after = Desk()
    memories = [each.memory() for each in reversed(desk.commands._ledger.commands.values())]
    after.commands.restore(map(read_memory, memories), at(seconds, wall_jump_s), 50, clock_since=clock_since)
    after.count = desk.count
    return after


def test_what_is_most_urgent_goes_first_then_what_was_issued_first() -> None:
    desk = Desk()
    for command in ("pause", "close_all", "resume", "emergency_stop", "cancel_orders"):
        desk.queued(command)
    order = ["emergency_stop", "close_all", "cancel_orders", "pause", "resume"]
    assert [each.command for each in desk.commands.pending(7)] == order
    assert [each.command for each in restored(desk).commands.pending(7)] == order


def test_a_wall_clock_that_is_set_ends_nothing_and_what_is_handed_over_says_the_time_of_now() -> None:
    for jump in (-864_000, -3600, 3600, 864_000):
        desk = Desk()
        desk.queued()
        assert desk.commands.due(at(59, jump)) == []
        (command,) = desk.commands.pending(7, at(59, jump))
        assert command.expires_ms == at(60, jump).utc_ms
        (step,) = desk.commands.delivered("c1", "a", at(59, jump))
        assert step.after.expires_ms == at(60, jump).utc_ms
        assert [each.after.status for each in desk.commands.due(at(60, jump))] == ["unknown"]


def test_after_a_restart_a_command_waits_for_what_is_left_of_its_time() -> None:
    desk = Desk()
    desk.queued()
    after = restored(desk, 20).commands
    assert after.due(at(59.9)) == []
    assert [step.after.status for step in after.due(at(60.1))] == ["expired"]


def test_on_the_same_machine_a_restart_with_another_wall_clock_ends_nothing() -> None:
    for jump in (-864_000, 864_000):
        desk = Desk()
        desk.queued()
        after = restored(desk, 20, jump, clock_since=0).commands
        assert after.due(at(59.9, jump)) == []
        assert [step.after.status for step in after.due(at(60.1, jump))] == ["expired"]


def test_what_was_issued_before_the_machine_was_started_again_waits_by_the_wall_clock() -> None:
    desk = Desk()
    before, after = desk.queued(expires_in_s=60.0), desk.queued(expires_in_s=60.0)
    again = restored(desk, 1, wall_jump_s=3600, clock_since=before.number).commands
    assert [each.command_id for each in again.pending(7, at(1, 3600))] == [after.command_id]


def test_on_a_machine_that_was_started_again_nothing_waits_longer_than_it_ever_could() -> None:
    desk = Desk()
    desk.queued()
    after = restored(desk, 20, -864_000).commands
    assert [step.after.status for step in after.due(at(20 + 60, -864_000))] == ["expired"]


def test_a_restart_knows_keys_numbers_parents_and_runs() -> None:
    desk = Desk()
    desk.submit(request("pause", target=Target(all=True), idempotency_key="k"), (7, 8))
    desk.commands.expert_started(7, "a", at())
    desk.commands.delivered("c1.1", "a", at())
    desk.ack("c1.1", "executed")
    after = restored(desk)
    assert after.submit(request("pause", target=Target(all=True), idempotency_key="k"), (7, 8)).repeated
    assert after.queued("resume").number == 51
    after.commands.delivered("c1.2", "", at())
    steps = after.commands.acknowledge(8, "c1.2", "executed", {}, "", at())
    assert [(step.after.command_id, step.after.status) for step in steps] == [("c1.2", "executed"), ("c1", "executed")]
    assert after.commands.waiting == 1


def test_settled_commands_are_forgotten_by_age_and_by_number() -> None:
    desk = Desk(remembered_s=100, remembered_max=3)
    for number in range(5):
        desk.queued(seconds=number)
        desk.commands.cancel(f"c{number + 1}", "ann", at(number))
    assert [desk.commands.get(f"c{number}") is not None for number in range(1, 6)] == [False, False, True, True, True]
    desk.queued(seconds=1, expires_in_s=1000)
    assert desk.commands.due(at(103.5)) == []
    assert [desk.commands.get(f"c{number}") is not None for number in range(1, 7)] == [False] * 4 + [True, True]


def test_the_memory_of_a_busy_year_is_bounded() -> None:
    commands = Commands(CommandLimits(remembered_max=50, per_minute=1e9, burst=1_000_000))
    for number in range(2000):
        now = at(number)
        made = commands.submit(
            request("pause", target=Target(all=True), idempotency_key=f"k{number}"),
            [(1, None), (2, None)],
            now,
            f"c{number}",
            "n",
        )
        for child in made.children:
            commands.delivered(child.command_id, "a", now)
            commands.acknowledge(child.ea_id, child.command_id, "executed", {}, "a", now)
    ledger = commands._ledger
    assert len(commands) <= 50
    assert len(ledger._families) <= 50
    assert (len(ledger._expires), len(ledger._waiting), len(ledger._unknown), len(ledger.deadlines)) == (0, 0, 0, 0)


def test_what_is_forgotten_in_the_midst_of_a_report_breaks_nothing() -> None:
    """More is lost sight of than may be remembered, and found in one report."""
    desk = Desk(remembered_max=2)
    ids = [desk.delivered().command_id for _ in range(6)]
    assert len(desk.commands.expert_started(7, "b", at(1))) == 6
    assert len(desk.commands.unsettled(7)) == 2
    steps = desk.commands.expert_said(7, dict.fromkeys(ids, ("executed", {})), at(2))
    assert [step.after.command_id for step in steps] == ids[4:]
