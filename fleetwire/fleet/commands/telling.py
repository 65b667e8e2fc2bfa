"""How commands are told: as rows for people, as what is signed for an expert, as rows of the audit."""

from typing import Final

import msgspec

from fleetwire.fleet.commands.life import Command, Step
from fleetwire.wire.audit import AuditRow, AuditTrail
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import CommandRow
from fleetwire.wire.signature import SignedCommand

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def command_row(command: Command) -> CommandRow:
    """Give a command as it is told and listed."""
    return CommandRow(
        command_id=command.command_id,
        ea_id=command.ea_id,
        command=command.command,
        status=command.status.value,
        params=command.params,
        reason=command.reason,
        results=command.results or None,
        why=command.why or None,
        parent_id=command.parent_id or None,
        target=command.target,
        priority=command.priority.name,
        by=command.by,
        issued_at=utc_text(command.issued_ms),
        expires_at=utc_text(command.expires_ms),
        changed_at=utc_text(command.changed_ms),
        boot_id=command.boot_id or None,
    )


def signed(command: Command) -> SignedCommand:
    """Give what of an expert's command is signed.

    Args:
        command: no parent; the `boot_id` that it was handed to is signed with it.
    """
    return SignedCommand(
        command_id=command.command_id,
        ea_id=command.owner,
        command=command.command,
        params=command.params,
        issued_ms=command.issued_ms,
        expires_ms=command.expires_ms,
        nonce=command.nonce,
        boot_id=command.boot_id,
    )


def audit_row(trail: AuditTrail, step: Step) -> AuditRow:
    """Make the audit's row of a step: what is asked for with its first one, what came of it with its later ones."""
    command = step.after
    more = (
        {"command": command.command, "target": command.target, "params": command.params}
        if step.before is None
        else {"boot_id": command.boot_id, "results": command.results}
    )
    return trail.row(
        utc_ms=step.utc_ms,
        who=step.by,
        address=step.address,
        action=f"command_{command.status}",
        subject=command.command_id,
        before=step.before.status.value if step.before is not None else "",
        after=command.status.value,
        why=step.why,
        details=_encode({"ea_id": command.ea_id, **more}).decode(),
    )
