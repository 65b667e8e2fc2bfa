"""Where a simulated expert sits: a reference client speaks for it while it is there, and remembers commands on disk."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fleetwire.client import ExpertClient, Outcome, ReceivedCommand
from fleetwire.client.orders import Verdict
from fleetwire.sources.simulator import SUPPORTS, SimulatedExpert

Told = Callable[[int, str, Outcome], object]
"""Is told what an expert has carried out: its id, the command, and what came of it."""


class Centre(NamedTuple):
    """Where commands come from.

    Args:
        url: of the server.
        tls: the context for wss://; None for the system's own certificates.
        journals: the folder in which experts remember commands.
    """

    url: str
    tls: ssl.SSLContext | None
    journals: Path


class Seat:
    """One expert. While it is stuck, or its terminal is down, nobody speaks for it; then it is started anew.

    Args:
        expert: in the simulation.
        centre: where it reports.
        token: by which it is known there.
        is_shared: that token is others' as well: commands come unsigned.
        told: is told what it has carried out.
    """

    def __init__(
        self, expert: SimulatedExpert, centre: Centre, token: str, is_shared: bool, told: Told = lambda *_: None
    ) -> None:
        self.expert = expert
        self._refused: Counter[Verdict] = Counter()  # by the clients before this one
        self.executed = 0
        self.client: ExpertClient | None = None
        self._centre = centre
        self._token, self._is_shared = token, is_shared
        self._told = told
        self._present, self._absent = asyncio.Event(), asyncio.Event()
        self.look()

    @property
    def refused(self) -> Counter[Verdict]:
        """How many commands it has not carried out, and why."""
        return self._refused + Counter(self.client.refused if self.client is not None else {})

    def look(self) -> None:
        """See whether the expert is there."""
        now, other = (self._present, self._absent) if self.expert.is_present else (self._absent, self._present)
        now.set()
        other.clear()

    async def live(self) -> None:
        """Speak for the expert until cancelled.

        Raises:
            FleetwireError: the server wants no more of it, or its journal can't be read or written.
        """
        while True:
            await self._present.wait()
            await self._speak()

    async def _speak(self) -> None:
        """Speak until the expert is not there."""
        client = self.client = self._new_client()
        speaking = asyncio.create_task(client.run())
        leaving = asyncio.create_task(self._absent.wait())
        try:
            await asyncio.wait((speaking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                speaking.result()
        finally:
            self.client = None
            for task in (speaking, leaving):
                task.cancel()
            await asyncio.gather(speaking, leaving, return_exceptions=True)
            self._refused.update(client.refused)

    def _new_client(self) -> ExpertClient:
        said = self.expert.report()
        return ExpertClient(
            self._centre.url,
            self._token,
            expert=msgspec.to_builtins(said.expert),
            ea_id=self.expert.ea_id,
            handler=self._carry_out,
            recover=self._recover,
            journal=self._centre.journals / f"{self.expert.ea_id}.journal",
            supports=(*SUPPORTS, "dead_man"),
            report=self._report,
            interval_s=said.interval_s or 1.0,
            shared_token=self._is_shared,
            ssl=self._centre.tls,
        )

    def _report(self) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.to_builtins(self.expert.report())
        return fields

    def _carry_out(self, command: ReceivedCommand) -> Outcome:
        outcome = Outcome(*self.expert.obey(command.command_id, command.command, command.params))
        self.executed += 1
        self._told(self.expert.ea_id, command.command, outcome)
        return outcome

    def _recover(self, command: ReceivedCommand) -> Outcome:
        return Outcome(*self.expert.recall(command.command_id, command.command, command.params))
