"""The command engine: what may happen to a command, and what may not."""

import pytest

from fleetwire.fleet.commands import Status, Target
from fleetwire.wire.errors import CommandError, ConflictError, ErrorCode
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


# --------------------------------------------------------------------------------------------------------- submitting


def test_a_command_for_nobody_is_refused() -> None:
    with pytest.raises(CommandError, match="group Nobody is not known here") as refused:
        Desk().submit(request(target=Target(group="Nobody")), ())
    assert refused.value.code is ErrorCode.not_found


def test_what_the_only_expert_does_not_support_is_refused() -> None:
    desk = Desk()
    with pytest.raises(CommandError, match="EA 7 does not support resume: pause is supported"):
        desk.submit(request("resume"), (7,), ea7=frozenset({"pause"}))
    assert len(desk.commands) == 0


def test_in_a_group_who_does_not_support_it_is_told_apart_and_the_others_get_it() -> None:
    desk = Desk()
    made = desk.submit(request("resume", target=Target(all=True)), (7, 8), ea8=frozenset({"pause"}))
    assert [(child.ea_id, child.status) for child in made.children] == [(7, "queued"), (8, "rejected")]
    assert "EA 8 does not support resume" in made.children[1].why
    desk.commands.delivered("c1.1", "a", at())
    desk.ack("c1.1", "executed")
    assert desk.status("c1") == "partial", "not everybody did it"


def test_a_group_of_one_is_a_group_and_an_expert_twice_is_one() -> None:
    made = Desk().submit(request(target=Target(group="Scalpers")), (7, 7))
    assert (made.command.is_parent, len(made.children)) == (True, 1)


def test_too_many_experts_are_refused() -> None:
    with pytest.raises(CommandError, match="3 experts are more than one command may be for"):
        Desk(experts_per_command_max=2).submit(request(target=Target(all=True)), (1, 2, 3))


def test_a_full_queue_still_takes_what_closes() -> None:
    desk = Desk(waiting_per_expert_max=2, waiting_per_expert_closing_max=3)
    desk.queued("pause")
    desk.queued("resume")
    with pytest.raises(CommandError, match="2 commands wait for EA 7 already, no more than 2 may") as refused:
        desk.queued("pause")
    assert refused.value.code is ErrorCode.rate_limited
    desk.queued("emergency_stop")
    with pytest.raises(CommandError, match="no more than 3 may"):
        desk.queued("close_all")
    made = desk.submit(request("emergency_stop", target=Target(all=True)), (7, 8))
    assert [child.status for child in made.children] == ["rejected", "queued"]


def test_all_queues_together_are_bounded_and_keep_room_for_what_closes() -> None:
    desk = Desk(waiting_max=2, waiting_closing_max=3)
    desk.submit(request(target=Target(all=True)), (7, 8))
    with pytest.raises(CommandError, match="2 commands wait already, no more than 2 may"):
        desk.submit(request(), (9,))
    desk.submit(request("close_all"), (9,))
    with pytest.raises(CommandError, match="3 commands wait already, no more than 3 may"):
        desk.submit(request("close_all"), (9,))


def test_an_id_is_never_given_twice() -> None:
    desk = Desk()
    desk.queued()
    desk.count = 0
    with pytest.raises(ConflictError, match="the id 'c1' is another command's"):
        desk.queued()


# --------------------------------------------------------------------------------------------------------- cancelling


def test_a_queued_command_can_be_taken_back_and_a_delivered_one_can_not() -> None:
    desk = Desk()
    desk.queued()
    (step,) = desk.commands.cancel("c1", "ann", at(), address="10.0.0.1", reason="no")
    assert (step.after.status, step.by, step.address, step.after.why) == ("cancelled", "ann", "10.0.0.1", "no")
    with pytest.raises(ConflictError, match="c1 is cancelled already"):
        desk.commands.cancel("c1", "ann", at())
    taken = desk.delivered()
    with pytest.raises(ConflictError, match="is delivered: the expert has it, so it can't be cancelled"):
        desk.commands.cancel(taken.command_id, "ann", at())
    with pytest.raises(CommandError, match="no command 'c99' is known here") as refused:
        desk.commands.cancel("c99", "ann", at())
    assert refused.value.code is ErrorCode.not_found


def test_of_a_command_for_several_is_taken_back_what_was_not_handed_over() -> None:
    desk = Desk()
    desk.submit(request(target=Target(all=True)), (7, 8, 9))
    desk.commands.delivered("c1.1", "a", at())
    steps = desk.commands.cancel("c1", "ann", at())
    assert [step.after.command_id for step in steps] == ["c1.2", "c1.3"]
    desk.ack("c1.1", "executed")
    assert desk.status("c1") == "partial"


# -------------------------------------------------------------------------------------------------------- handing over


def test_a_command_is_handed_over_again_until_it_is_accepted() -> None:
    desk = Desk()
    command = desk.delivered()
    assert desk.commands.next_deadline() == at(5).now
    assert desk.commands.overdue(at(4.9)) == []
    assert desk.commands.overdue(at(5)) == [7]
    assert [each.command_id for each in desk.commands.pending(7, at(5))] == [command.command_id]
    assert desk.commands.delivered(command.command_id, "a", at(5)) == [], "the same id, no new step"
    assert desk.commands.overdue(at(10)) == [7]
    desk.ack(command.command_id, "accepted", 11)
    assert desk.commands.pending(7, at(11)) == []
    assert desk.commands.overdue(at(60)) == []


def test_what_has_expired_is_not_handed_over_even_before_anybody_looks_at_the_clock() -> None:
    desk = Desk()
    desk.queued()
    assert desk.commands.pending(7, at(60)) == []
    with pytest.raises(ConflictError, match="c1 has expired"):
        desk.commands.delivered("c1", "a", at(60))
    assert desk.status("c1") == "queued"


def test_what_must_not_be_handed_over_is_refused() -> None:
    desk = Desk()
    desk.submit(request(target=Target(all=True)), (7, 8))
    with pytest.raises(ConflictError, match="hand over its children"):
        desk.commands.delivered("c1", "a", at())
    command = desk.delivered()
    with pytest.raises(ConflictError, match="is delivered: it must not be handed over"):
        desk.commands.delivered(command.command_id, "b", at())
    desk.commands.expert_started(7, "b", at())
    with pytest.raises(ConflictError, match="EA 7 was started again since its run 'a'"):
        desk.commands.delivered("c1.1", "a", at())


# ---------------------------------------------------------------------------------------------------- acknowledgements


def test_a_word_said_twice_or_overtaken_changes_nothing() -> None:
    desk = Desk()
    command = desk.delivered().command_id
    assert len(desk.ack(command, "accepted")) == 1
    assert desk.ack(command, "accepted") == []
    assert len(desk.ack(command, "executed", done=1)) == 1
    assert desk.ack(command, "executed", done=2) == []
    assert desk.ack(command, "accepted") == []
    assert desk.commands.get(command).results == {"done": 1}


@pytest.mark.parametrize(
    ("word", "code", "says"),
    [
        ({"status": "delivered"}, ErrorCode.invalid_data, "must be one of accepted, executed"),
        ({"status": "cancelled"}, ErrorCode.invalid_data, "must be one of"),
        ({"status": "done\x1b[31m"}, ErrorCode.invalid_data, r"'done\\x1b\[31m'"),
        ({"command_id": "c99"}, ErrorCode.not_found, "no command 'c99'"),
        ({"ea_id": 8}, ErrorCode.forbidden, "is for EA 7, not for EA 8"),
        ({"boot_id": "old"}, ErrorCode.conflict, "EA 7 was started again since its run 'old'"),
        ({"boot_id": "b"}, ErrorCode.conflict, "it was handed to the run 'a': send a full report first"),
        ({"results": {"log": "\ud800"}}, ErrorCode.invalid_data, "are nothing that JSON can say"),
        ({"results": {"log": object()}}, ErrorCode.invalid_data, "are nothing that JSON can say"),
        ({"results": {"price": float("nan")}}, ErrorCode.invalid_data, "are nothing that JSON can say"),
        ({"results": {"filled": [{"price": float("inf")}]}}, ErrorCode.invalid_data, "are nothing that JSON can say"),
        ({"results": {"log": "x" * 20_000}}, ErrorCode.invalid_data, "take more than 16384 bytes"),
    ],
)
def test_a_word_that_can_not_be_is_refused_and_nothing_changes(word, code, says) -> None:
    desk = Desk()
    desk.commands.expert_started(7, "old", at())
    before = desk.delivered()
    said = {"ea_id": 7, "command_id": before.command_id, "status": "executed", "results": {}, "boot_id": "a"} | word
    with pytest.raises(CommandError, match=says) as refused:
        desk.commands.acknowledge(**said, at=at())
    assert refused.value.code is code
    assert desk.commands.get(before.command_id) == before


@pytest.mark.parametrize(
    ("first", "then"),
    [("executed", "failed"), ("failed", "executed"), ("rejected", "executed"), ("executed", "expired")],
)
def test_an_end_is_never_followed_by_another(first, then) -> None:
    desk = Desk()
    command = desk.delivered().command_id
    desk.ack(command, first)
    with pytest.raises(ConflictError, match=f"says {then} of command {command}, which is {first}"):
        desk.ack(command, then)
    assert desk.status(command) == first


def test_nobody_can_speak_of_what_was_not_handed_over_or_is_several_experts() -> None:
    desk = Desk()
    desk.queued()
    with pytest.raises(ConflictError, match="which is queued: that can't follow; after queued comes delivered"):
        desk.ack("c1", "executed")
    desk.submit(request(target=Target(all=True)), (7, 8))
    with pytest.raises(CommandError, match="c2 is for several experts, not for EA 7") as refused:
        desk.ack("c2", "executed")
    assert refused.value.code is ErrorCode.forbidden


# -------------------------------------------------------------------------------------------- lost sight of, and found


def lost(desk: Desk, command: str = "pause") -> str:
    """A command that expert 7 had when it was started again."""
    command_id = desk.delivered(command).command_id
    (step,) = desk.commands.expert_started(7, "b", at(1))
    assert step.after.status == "unknown"
    return command_id


def test_a_restart_of_the_expert_makes_what_it_had_unknown_and_leaves_what_it_had_not() -> None:
    desk = Desk()
    first = desk.delivered().command_id
    second = desk.delivered().command_id
    desk.ack(second, "accepted")
    queued = desk.queued().command_id
    assert desk.commands.expert_started(7, "a", at(1)) == [], "the same run has come back"
    steps = desk.commands.expert_started(7, "b", at(1))
    assert [step.after.command_id for step in steps] == [first, second]
    assert [each.command_id for each in desk.commands.pending(7)] == [queued], "it is never sent again as new"


@pytest.mark.parametrize("word", ["executed", "partial", "rejected", "failed", "expired", "accepted"])
def test_a_full_report_says_what_became_of_it(word) -> None:
    desk = Desk()
    command = lost(desk)
    (step,) = desk.commands.expert_said(7, {command: (word, {"closed": 1})}, at(2))
    assert (step.after.status, step.after.results, step.by) == (word, {"closed": 1}, "EA 7")


def test_what_a_newer_runs_report_does_not_know_was_never_executed() -> None:
    desk = Desk()
    command = lost(desk)
    (step,) = desk.commands.expert_said(7, {}, at(2))
    assert step.after.status == "failed"
    assert "never executed" in step.after.why
    with pytest.raises(ConflictError):
        desk.ack(command, "executed", boot="b")


def test_a_report_of_an_older_run_proves_nothing() -> None:
    desk = Desk()
    command = lost(desk)
    with pytest.raises(ConflictError):
        desk.commands.expert_said(7, {}, at(2), "a")
    assert desk.status(command) == "unknown"


def test_a_report_with_one_wrong_word_changes_nothing() -> None:
    desk = Desk()
    first, second = desk.delivered().command_id, desk.delivered().command_id
    with pytest.raises(CommandError, match="says 'nonsense'"):
        desk.commands.expert_said(7, {first: ("executed", {}), second: ("nonsense", {})}, at(2))
    assert desk.status(first) == "delivered"


def test_a_command_without_a_word_is_unknown_and_a_report_that_may_be_older_does_not_end_it() -> None:
    """The report may have been written before the command came."""
    desk = Desk()
    command = desk.delivered().command_id
    (step,) = desk.commands.due(at(60))
    assert (step.after.status, step.by) == ("unknown", "server")
    assert desk.commands.expert_said(7, {}, at(89)) == []
    (step,) = desk.commands.expert_said(7, {}, at(90))
    assert (step.after.command_id, step.after.status) == (command, "failed")


def test_a_late_word_finds_what_was_lost() -> None:
    desk = Desk()
    command = lost(desk)
    assert [step.after.status for step in desk.ack(command, "executed", boot="b")] == ["executed"]


def test_an_expert_may_be_at_a_command_for_so_long() -> None:
    desk = Desk(accepted_s=300)
    command = desk.delivered().command_id
    desk.ack(command, "accepted", 50)
    assert desk.commands.due(at(349)) == []
    assert [step.after.status for step in desk.commands.due(at(350))] == ["unknown"]
    assert [step.after.status for step in desk.ack(command, "accepted", 400)] == ["accepted"]
    assert [step.after.status for step in desk.commands.due(at(700))] == ["unknown"]


def test_many_that_expire_at_once_are_ended_in_parts() -> None:
    desk = Desk(waiting_per_expert_max=5000, burst=5000)
    for _ in range(2500):
        desk.queued()
    counts = []
    while (next_at := desk.commands.next_deadline()) is not None and next_at <= at(61).now:
        counts.append(len(desk.commands.due(at(61))))
    assert counts == [1000, 1000, 500]
