"""What was refused is in the audit, too; but nobody can fill it by being refused."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fleetwire.fleet.commands.bounds import Rates
from fleetwire.wire.audit import AuditRow, AuditTrail
from fleetwire.wire.errors import CommandError
from fleetwire.wire.moment import Moment

ROWS_PER_MINUTE: Final = 30.0
ROWS_AT_ONCE: Final = 30
"""Rows that one operator, or one address, can bring about by being refused."""
_NAMES_MAX: Final = 10_000
_DETAILS_CHARS_MAX: Final = 1000

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Refusals:
    """Makes the audit's rows of what was refused.

    Args:
        trail: the audit.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self._rates = Rates(ROWS_PER_MINUTE, ROWS_AT_ONCE)
        self._left_out: OrderedDict[str, int] = OrderedDict()

    def row(
        self,
        error: CommandError,
        *,
        who: str,
        address: str,
        at: Moment,
        action: str = "command_refused",
        subject: str = "",
        asked: Mapping[str, Any] | None = None,
    ) -> AuditRow | None:
        """Make a row, to be kept; None where there are too many of the same operator: the next one says how many.

        Args:
            error: why it was refused.
            who: the operator's token id, or "EA 1007".
            address: from where.
            at: now.
            action: what was refused.
            subject: a command's id, where it was about one.
            asked: what was asked for; cut where it is long.
        """
        if self._rates.take(who, at.now):
            self._left_out[who] = self._left_out.pop(who, 0) + 1
            if len(self._left_out) > _NAMES_MAX:
                self._left_out.popitem(last=False)
            return None
        left_out = self._left_out.pop(who, 0)
        more = {"left_out_before": left_out} if left_out else {}
        said = _encode(asked).decode()[:_DETAILS_CHARS_MAX] if asked else ""
        return self._trail.row(
            utc_ms=at.utc_ms,
            who=who,
            address=address,
            action=action,
            subject=subject,
            after="refused",
            why=f"{error.code.name}: {error.message}",
            details=_encode({"asked": said, **more}).decode(),
        )
