"""The simulated fleet, living at a server that may go and come back."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping

from fleetwire.cli.asking import Api
from fleetwire.cli.simulated.outbox import Outbox
from fleetwire.cli.simulated.post import Post
from fleetwire.cli.simulated.seat import Centre, Seat, Told
from fleetwire.client.orders import Verdict
from fleetwire.fleet.events import Fact
from fleetwire.sources.simulator import Simulator
from fleetwire.wire.errors import FleetwireError

logger = logging.getLogger("fleetwire.cli.simulated")


class RemoteFleet:
    """Lets a simulation live elsewhere: each expert speaks for itself, their terminals tell everything else.

    Args:
        simulator: who lives.
        api: of the server, with the token by which terminals report.
        centre: where experts report.
        tokens: of each expert, by its id.
        shared: the token of an expert that has none of its own.
        told: is told what an expert has carried out.
    """

    def __init__(
        self,
        simulator: Simulator,
        api: Api,
        centre: Centre,
        tokens: Mapping[int, str],
        shared: str,
        told: Told = lambda *_: None,
    ) -> None:
        self.simulator = simulator
        self.outbox = Outbox()
        self.post = Post(api, self.outbox)
        self.seats = [
            Seat(expert, centre, tokens.get(expert.ea_id, shared), expert.ea_id not in tokens, told)
            for expert in simulator.experts
        ]
        self._taken = len(self.seats)

    @property
    def executed(self) -> int:
        """How many commands were carried out."""
        return sum(seat.executed for seat in self.seats)

    @property
    def refused(self) -> Counter[Verdict]:
        """How many commands were not carried out, and why."""
        return sum((seat.refused for seat in self.seats), Counter())

    async def live(self) -> None:
        """Tell what happened before, then live until cancelled.

        Raises:
            FleetwireError: the server wants none of it.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.post.deliver())
                await self.simulator.tell_past(self.outbox.put)
                for seat in self.seats:
                    tasks.create_task(self._sit(seat))
                await self.simulator.live(self._tell)
        except* FleetwireError as group:
            raise group.exceptions[0] from None

    async def _tell(self, *facts: Fact) -> None:
        for seat in self.seats:
            seat.look()
        await self.outbox.put(*facts)

    async def _sit(self, seat: Seat) -> None:
        """Let an expert live; one that is not wanted any more leaves the others in peace, and the last one tells."""
        try:
            await seat.live()
        except FleetwireError as error:
            logger.error("EA %d takes no commands any more: %s", seat.expert.ea_id, error)
            self._taken -= 1
            if not self._taken:
                raise
