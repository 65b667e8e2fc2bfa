"""Brings what simulated terminals tell to the server, again and again until it is kept there."""

import asyncio
import logging
import random
import time
from typing import Final

from fleetwire.cli.asking import Api, NoFleetError
from fleetwire.cli.simulated.outbox import Outbox
from fleetwire.client.protocol import Backoff
from fleetwire.wire.errors import ConfigError, FleetwireError, NotConnectedError, RequestError

_LAST_WORDS_S: Final = 5.0

logger = logging.getLogger("fleetwire.cli.simulated")


class Post:
    """Reports what is in the outbox, one report after another.

    A report that was answered is kept. One whose answer did not come is sent again: deals and events count once.

    Args:
        api: of the server.
        outbox: what there is to tell.
    """

    def __init__(self, api: Api, outbox: Outbox) -> None:
        self.accepted = self.refused = 0
        self._api = api
        self._outbox = outbox
        self._backoff = Backoff()
        self._rng = random.Random()  # noqa: S311 - jitter, no secret

    async def deliver(self) -> None:
        """Report until cancelled; while the server is away, try again and again.

        Raises:
            FleetwireError: the server refuses the token, or takes nothing at all of this.
        """
        is_lost = False
        while True:
            try:
                await self._deliver_one()
                self._backoff.found(time.monotonic())
                if is_lost:
                    logger.warning("%s is found again", self._api.url)
                is_lost = False
            except (NotConnectedError, RequestError, NoFleetError) as error:
                if not self._may_pass(error):
                    raise
                delay_s = self._backoff.next_delay_s(time.monotonic(), self._rng.random()) or 0.0
                if not is_lost:  # a night without a server must not fill a log with warnings
                    logger.warning("%s (it is tried again; what happens meanwhile is told then)", error)
                is_lost = True
                await asyncio.sleep(delay_s)

    def _may_pass(self, error: Exception) -> bool:
        if isinstance(error, RequestError):
            return error.temporary
        return not isinstance(error, NoFleetError) or self.accepted > 0  # a server that ends lets go of its fleet first

    async def finish(self) -> int:
        """Tell what is left, for some seconds at most; give how many deals are not known as kept."""
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                while self._outbox:
                    await self._deliver_one()
        except (TimeoutError, FleetwireError) as error:
            logger.info("the last words were not told: %s", error)
        return self._outbox.deals

    async def _deliver_one(self) -> None:
        parcel = await self._outbox.next()
        receipt = await self._api.ask("POST", "ea/report", parcel.body)
        refused = receipt["refused"]
        if refused and not self.accepted and not receipt["accepted"]:
            raise ConfigError(f"the server takes no reports with this token: {refused[0]['error']}")
        if refused and not self.refused:
            logger.warning("the server refused a report: %s: %s", refused[0]["where"], refused[0]["error"])
        self.accepted += receipt["accepted"]
        self.refused += len(refused)
        self._outbox.kept(parcel)
