"""What tests of commands share: requests that are quick to write, and a house with one engine."""

from typing import Any

from fleetwire.fleet.commands import Command, CommandLimits, CommandRequest, Commands, Submission, Target
from fleetwire.wire.moment import Moment, moment
from tests.fleet.support import NOW_MS


def at(seconds: float = 0.0, wall_jump_s: float = 0.0) -> Moment:
    """Some seconds after the beginning; the wall clock may have been moved meanwhile."""
    return moment(1000.0 + seconds, NOW_MS + round((seconds + wall_jump_s) * 1000))


def request(command: str = "pause", ea_id: int | None = 7, **more: Any) -> CommandRequest:
    return CommandRequest(command=command, **({"target": Target(ea_id=ea_id)} | more))


class Desk:
    """An engine, and ids that count."""

    def __init__(self, **limits: Any) -> None:
        self.commands = Commands(CommandLimits(**limits))
        self.count = 0

    def submit(
        self, asked: CommandRequest, experts: tuple[int, ...] = (7,), seconds: float = 0.0, **supports: frozenset[str]
    ) -> Submission:
        self.count += 1
        able = [(ea_id, supports.get(f"ea{ea_id}")) for ea_id in experts]
        return self.commands.submit(asked, able, at(seconds), f"c{self.count}", f"n{self.count}")

    def queued(self, command: str = "pause", seconds: float = 0.0, **more: Any) -> Command:
        return self.submit(request(command, **more), seconds=seconds).command

    def delivered(self, command: str = "pause", boot: str = "a", **more: Any) -> Command:
        """A command that expert 7's run `boot` has been handed."""
        self.commands.expert_started(7, boot, at())
        (step,) = self.commands.delivered(self.queued(command, **more).command_id, boot, at())
        return step.after

    def ack(self, command_id: str, status: str, seconds: float = 0.0, ea_id: int = 7, boot: str = "a", **results: Any):
        return self.commands.acknowledge(ea_id, command_id, status, results, boot, at(seconds))

    def status(self, command_id: str) -> str:
        found = self.commands.get(command_id)
        assert found is not None
        return found.status
