"""What is looked at before a command exists: its form, whether it is a repeat, and whether it was confirmed."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from fleetwire.fleet.commands.bounds import CommandLimits, Rates
from fleetwire.fleet.commands.life import Command, CommandRequest
from fleetwire.fleet.commands.table import COMMANDS, CommandKind, kind_of, near, read_params
from fleetwire.wire.errors import CommandError, ConfigError, ConfirmationError, ConflictError, ErrorCode
from fleetwire.wire.moment import Moment
from fleetwire.wire.signature import fingerprint

_CONFIRMATIONS_MAX: Final = 1000

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Checked(NamedTuple):
    """A request whose form is right: its parameters as they are kept, and what it is told from others by."""

    request: CommandRequest
    kind: CommandKind
    fingerprint: str


def check(request: CommandRequest, limits: CommandLimits) -> Checked:
    """Check the form of a request.

    Raises:
        CommandError: says what is wrong with it.
    """
    kind = kind_of(request.command)
    try:
        read = msgspec.convert(msgspec.to_builtins(request), CommandRequest)
    except msgspec.ValidationError as error:
        raise CommandError(ErrorCode.invalid_data, f"{request.command}: {error}") from None
    params = read_params(read.command, request.params)
    request = msgspec.structs.replace(read, params=params)
    try:
        _encode(request)
    except UnicodeEncodeError:
        raise CommandError(
            ErrorCode.invalid_data, f"{request.command}: it has a text that no UTF-8 has (half a surrogate pair)"
        ) from None
    if len(_encode(params)) > limits.params_bytes_max:
        raise CommandError(
            ErrorCode.invalid_data, f"{read.command}: its parameters take more than {limits.params_bytes_max} bytes"
        )
    said = [request.command, request.target, request.params, request.expires_in_s]
    return Checked(request, kind, fingerprint(_encode(said)))


class Keys:
    """Which command an operator's key has made, as long as that command is remembered."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._commands)

    def first(self, checked: Checked) -> str | None:
        """Give the id of the command that the key of this request has made before; None if there is none.

        Raises:
            ConflictError: the key was used for something else.
        """
        request = checked.request
        known = self._commands.get((request.by, request.idempotency_key or ""))
        if known is None:
            return None
        command_id, was = known
        if was != checked.fingerprint:
            raise ConflictError(
                f"the idempotency_key {request.idempotency_key!r:.60} was used for another command ({command_id}): "
                "give a new key to a new command"
            )
        return command_id

    def note(self, command: Command) -> None:
        """Note a command's key."""
        if command.idempotency_key:
            self._commands[command.by, command.idempotency_key] = (command.command_id, command.fingerprint)

    def forget(self, command: Command) -> None:
        """Forget it."""
        if command.idempotency_key:
            self._commands.pop((command.by, command.idempotency_key), None)


class Gate:
    """Holds back who sends too fast, and what has to be sent twice.

    Args:
        limits: the bounds.

    Raises:
        ConfigError: a command that has to be confirmed is none.
    """

    def __init__(self, limits: CommandLimits) -> None:
        unknown = sorted(limits.confirm - COMMANDS.keys())
        if unknown:
            raise ConfigError(f"commands: confirm: there is no command {unknown[0]!r:.60}{near(unknown[0], COMMANDS)}")
        self._limits = limits
        self._rates = Rates(limits.per_minute, limits.burst)
        self._confirmations: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    def pass_rate(self, checked: Checked, at: Moment) -> None:
        """Count a command against its operator's rate; closing ones are never held back.

        Raises:
            CommandError: too many at once.
        """
        if checked.kind.closes:
            return
        waits = self._rates.take(checked.request.by, at.now)
        if waits:
            raise CommandError(
                ErrorCode.rate_limited,
                f"{checked.request.by} sends more than {self._limits.per_minute:g} commands a minute: "
                f"try again in {waits:.1f} s (closing commands are always taken)",
            )

    def pass_confirmation(self, checked: Checked, experts: Iterable[int], token: str, at: Moment) -> None:
        """Let a command through that needs no confirmation, or comes with it.

        Args:
            checked: the command.
            experts: for whom it is: the confirmation counts for these and no others.
            token: for a confirmation: hard to guess.
            at: now.

        Raises:
            ConfirmationError: it has to be sent again, with what this says.
        """
        request = checked.request
        if request.command not in self._limits.confirm:
            return
        whom = sorted(experts)
        meant = fingerprint(_encode([checked.fingerprint, whom]))
        self._drop_old(at)
        given = self._confirmations.pop(request.confirm or "", None)
        if given is not None and given[:2] == (request.by, meant):
            return
        self._confirmations[token] = (request.by, meant, at.now + self._limits.confirm_s)
        count = "1 expert" if len(whom) == 1 else f"{len(whom)} experts"
        stale = "" if request.confirm is None else "this confirmation is not, or no longer, of this command; "
        raise ConfirmationError(
            f"{stale}{request.command} for {request.target} ({count}) has to be confirmed: send it again with "
            f"`confirm` within {self._limits.confirm_s:g} s",
            token,
            self._limits.confirm_s,
        )

    def _drop_old(self, at: Moment) -> None:
        """All are valid for the same time, so the oldest goes first."""
        waiting = self._confirmations
        while waiting and (len(waiting) >= _CONFIRMATIONS_MAX or next(iter(waiting.values()))[2] <= at.now):
            waiting.popitem(last=False)
