"""How a request becomes commands: for whom it is, whether there is room, and one command for each of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from fleetwire.fleet.commands.bounds import CommandLimits
from fleetwire.fleet.commands.ledger import Ledger, clock_ms
from fleetwire.fleet.commands.life import Command, Status, Step
from fleetwire.fleet.commands.requests import Checked
from fleetwire.fleet.commands.stepping import SERVER, take_step
from fleetwire.wire.errors import CommandError, ErrorCode
from fleetwire.wire.moment import Moment


class Submission(NamedTuple):
    """What became of a request.

    Args:
        command: the command; the parent where there are children.
        children: one for each expert, where it is for several.
        steps: to be kept, then told; none where the request was a repeat.
        repeated: whether its key has made this command before.
    """

    command: Command
    children: list[Command]
    steps: list[Step]
    repeated: bool


class Intake:
    """Makes commands of requests whose form is right.

    Args:
        ledger: where they go.
        limits: the bounds.
    """

    def __init__(self, ledger: Ledger, limits: CommandLimits) -> None:
        self._ledger = ledger
        self._limits = limits

    def wanted(
        self, checked: Checked, experts: Sequence[tuple[int, frozenset[str] | None]]
    ) -> dict[int, frozenset[str] | None]:
        """Give each expert once.

        Raises:
            CommandError: there is none, are too many, or none of them can do it.
        """
        request = checked.request
        wanted = dict(experts)
        if not wanted:
            raise CommandError(ErrorCode.not_found, f"{request.target} is not known here: no expert would get this")
        if len(wanted) > self._limits.experts_per_command_max:
            raise CommandError(
                ErrorCode.invalid_data,
                f"{request.target}: {len(wanted)} experts are more than one command may be for "
                f"({self._limits.experts_per_command_max}): send it to smaller groups",
            )
        if not any(_supports(request.command, supports) for supports in wanted.values()):
            who = f"EA {next(iter(wanted))} does" if len(wanted) == 1 else f"none of {len(wanted)} experts does"
            can = sorted(frozenset[str]().union(*(supports or () for supports in wanted.values())))[:20]
            raise CommandError(
                ErrorCode.invalid_data,
                f"{who} not support {request.command}: {', '.join(can) or 'nothing'} is supported",
            )
        return wanted

    def check_room(self, checked: Checked, wanted: Mapping[int, object]) -> None:
        """Refuse what does not fit: in all, or into the queue of the only expert.

        Raises:
            CommandError: too many wait.
        """
        most = self._limits.waiting_closing_max if checked.kind.closes else self._limits.waiting_max
        if self._ledger.waiting_count + len(wanted) > most:
            raise CommandError(
                ErrorCode.rate_limited, f"{self._ledger.waiting_count} commands wait already, no more than {most} may"
            )
        if len(wanted) == 1:
            (ea_id,) = wanted
            full = self._full(checked, ea_id)
            if full:
                raise CommandError(ErrorCode.rate_limited, f"{full}: cancel some, or wait until it takes them")

    def _full(self, checked: Checked, ea_id: int) -> str:
        """Say that an expert's queue is full, if it is."""
        limits = self._limits
        most = limits.waiting_per_expert_closing_max if checked.kind.closes else limits.waiting_per_expert_max
        count = self._ledger.waiting_for(ea_id)
        return f"{count} commands wait for EA {ea_id} already, no more than {most} may" if count >= most else ""

    def create(
        self, checked: Checked, wanted: dict[int, frozenset[str] | None], at: Moment, new_id: str, nonce: str
    ) -> Submission:
        request = checked.request
        lifetime_ms = round(request.expires_in_s * 1000)
        alone = len(wanted) == 1 and request.target.ea_id is not None
        first = Command(
            command_id=new_id,
            number=self._ledger.next_number(),
            ea_id=next(iter(wanted)) if alone else None,
            target=str(request.target),
            command=request.command,
            params=request.params,
            priority=checked.kind.priority,
            by=request.by,
            address=request.address,
            reason=request.reason,
            issued_ms=at.utc_ms,
            expires_ms=at.utc_ms + lifetime_ms,
            lifetime_ms=lifetime_ms,
            clock_ms=clock_ms(at),
            nonce=nonce,
            changed_ms=at.utc_ms,
            idempotency_key=request.idempotency_key or "",
            fingerprint=checked.fingerprint,
        )
        expires = at.now + request.expires_in_s
        steps = [self._begin(first, expires)]
        if not alone:
            steps += self._create_children(checked, first, wanted, at, expires)
        return Submission(self._ledger.commands[new_id], self._ledger.children(new_id), steps, False)

    def _begin(self, command: Command, expires: float) -> Step:
        self._ledger.add(command, expires)
        return Step(None, command, command.by, command.issued_ms, command.address, command.reason)

    def _create_children(
        self, checked: Checked, parent: Command, wanted: dict[int, frozenset[str] | None], at: Moment, expires: float
    ) -> list[Step]:
        """Give each expert its own; one that can't take it gets one too, and everybody is told that it can't."""
        steps, refused = [], []
        for number, (ea_id, supports) in enumerate(wanted.items(), 1):
            why = self._full(checked, ea_id)
            if not _supports(parent.command, supports):
                why = f"EA {ea_id} does not support {parent.command}"
            child = structs.replace(
                parent,
                command_id=f"{parent.command_id}.{number}",
                number=self._ledger.next_number(),
                parent_id=parent.command_id,
                ea_id=ea_id,
                idempotency_key="",
                fingerprint="",
            )
            steps.append(self._begin(child, expires))
            if why:
                refused.append((child, why))
        for child, why in refused:
            steps += take_step(self._ledger, child, Status.rejected, SERVER, at, why=why)
        return steps


def _supports(command: str, supports: frozenset[str] | None) -> bool:
    return supports is None or command in supports
