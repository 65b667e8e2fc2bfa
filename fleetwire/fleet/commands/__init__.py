"""The command queue: what experts are told to do, and what became of it. No clock, no disk, no randomness."""

from fleetwire.fleet.commands.bounds import CommandLimits
from fleetwire.fleet.commands.engine import Commands
from fleetwire.fleet.commands.intake import Submission
from fleetwire.fleet.commands.life import (
    EXPIRES_S,
    MEANINGS,
    TRANSITIONS,
    WORDS,
    Command,
    CommandRequest,
    Status,
    Step,
    Target,
    read_memory,
)
from fleetwire.fleet.commands.refusals import Refusals
from fleetwire.fleet.commands.table import COMMANDS, CommandKind, Priority, read_params
from fleetwire.fleet.commands.telling import audit_row, command_row, signed

__all__ = [
    "COMMANDS",
    "EXPIRES_S",
    "MEANINGS",
    "TRANSITIONS",
    "WORDS",
    "Command",
    "CommandKind",
    "CommandLimits",
    "CommandRequest",
    "Commands",
    "Priority",
    "Refusals",
    "Status",
    "Step",
    "Submission",
    "Target",
    "audit_row",
    "command_row",
    "read_memory",
    "read_params",
    "signed",
]
