"""Taking a step: the one place where a command becomes another."""

from typing import Any, Final

from fleetwire.fleet.commands.ledger import Ledger
from fleetwire.fleet.commands.life import Command, Status, Step, moved
from fleetwire.wire.moment import Moment

SERVER: Final = "server"
"""Who takes the steps that nobody asked for."""


def take_step(
    ledger: Ledger,
    command: Command,
    status: Status,
    by: str,
    at: Moment,
    *,
    address: str = "",
    why: str = "",
    **more: Any,
) -> list[Step]:
    """Take a step, and what follows from it for the parent.

    Args:
        ledger: where the command stands.
        command: as it is.
        status: what it becomes.
        by: who takes the step.
        at: now.
        address: from where.
        why: in words.
        more: what else of the command becomes another.
    """
    after = moved(command, status, at.utc_ms, why, **more)
    steps = [Step(command, after, by, at.utc_ms, address, why)]
    parent = ledger.move(command, after, at)
    if parent is not None:
        steps.append(Step(*parent, SERVER, at.utc_ms, "", parent[1].why))
    return steps
