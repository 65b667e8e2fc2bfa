"""What `Fleetwire.command` gives: a command that was taken, and what becomes of it."""

import asyncio
from typing import TYPE_CHECKING

from fleetwire.fleet.commands import Command, command_row
from fleetwire.wire.errors import RequestTimeoutError
from fleetwire.wire.rows import CommandRow

if TYPE_CHECKING:
    from fleetwire.integration.orders import Orders


class CommandHandle:
    """One command that is on disk.

    Args:
        orders: that have it.
        command: as it was taken.
        repeated: whether its `idempotency_key` had made it before.
    """

    def __init__(self, orders: "Orders", command: Command, *, repeated: bool) -> None:
        self._orders = orders
        self._command = command
        self.repeated = repeated

    def __repr__(self) -> str:
        """Show which, and where it is in its life."""
        return f"<Command {self.command_id} {self._command.command} {self.row.status}>"

    @property
    def command_id(self) -> str:
        """Names it for good."""
        return self._command.command_id

    @property
    def row(self) -> CommandRow:
        """The command as it stands now."""
        return command_row(self._orders.commands.get(self.command_id) or self._command)

    @property
    def children(self) -> list[CommandRow]:
        """Its parts, one for each expert, where it is for several."""
        return [command_row(each) for each in self._orders.commands.children(self.command_id)]

    async def finished(self, timeout_s: float | None = None) -> CommandRow:
        """Wait for its end, or until it is lost sight of (`unknown`); the row says which, with the expert's results.

        Args:
            timeout_s: seconds to wait; None for as long as it takes.

        Raises:
            RequestTimeoutError: it has not come to an end by then; it goes on.
        """
        watcher = self._orders.finished(self.command_id)
        try:
            async with asyncio.timeout(timeout_s):
                return command_row(await watcher)
        except TimeoutError:
            text = f"command {self.command_id} is {self.row.status} after {timeout_s:g} s: it goes on, wait again"
            raise RequestTimeoutError(text) from None
        finally:
            watcher.cancel()
