"""What simulated terminals have to tell, until the server has said that it is kept."""

import asyncio
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from fleetwire.fleet.events import Account, AccountPositions, DealReport, Fact, NewsEvent, PriceReport

ROOM: Final = 20_000
"""Facts that wait; with more, whoever tells them waits as well, so that none is lost while a server is away."""
PARCEL_MAX: Final = 1_000
"""Facts in one report: a few hundred KiB, where a server takes 1 MiB."""

_AccountId = tuple[str, int]


class Parcel(NamedTuple):
    """One report.

    Args:
        body: of `POST /api/v1/ea/report`.
        facts: what is in it, by their keys.
    """

    body: dict[str, Any]
    facts: dict[Hashable, Fact]


class Outbox:
    """Keeps facts until they are kept elsewhere. Of an account, its positions and a price only the last word counts."""

    def __init__(self) -> None:
        self._facts: dict[Hashable, Fact] = {}
        self._accounts: dict[_AccountId, Account] = {}
        self._has_news = asyncio.Event()
        self._has_room = asyncio.Event()

    def __len__(self) -> int:
        """How many facts wait."""
        return len(self._facts)

    @property
    def deals(self) -> int:
        """How many of them are deals."""
        return sum(isinstance(fact, DealReport) for fact in self._facts.values())

    async def put(self, *facts: Fact) -> None:
        """Take what a terminal says; experts speak for themselves. Waits while too much is there already."""
        for fact in facts:
            key = _key_of(fact)
            if key is not None:
                self._facts[key] = fact
            if isinstance(fact, Account):
                self._accounts[fact.server, fact.login] = fact
        if self._facts:
            self._has_news.set()
        while len(self._facts) > ROOM:
            self._has_room.clear()
            await self._has_room.wait()

    async def next(self) -> Parcel:
        """Give what is to be told next, the oldest first: of one account, with prices and events of any.

        It stays here until it is `kept`.
        """
        while not self._facts:
            self._has_news.clear()
            await self._has_news.wait()
        account: _AccountId | None = None
        chosen: dict[Hashable, Fact] = {}
        for key, fact in self._facts.items():
            of = _account_of(fact)
            if of is not None and account is None:
                account = of
            if of is None or of == account:
                chosen[key] = fact
                if len(chosen) == PARCEL_MAX:
                    break
        return Parcel(self._body(account, chosen), chosen)

    def kept(self, parcel: Parcel) -> None:
        """Note that a report is kept; what was said anew meanwhile stays."""
        for key, fact in parcel.facts.items():
            if self._facts.get(key) is fact:
                del self._facts[key]
        if len(self._facts) <= ROOM:
            self._has_room.set()

    def _body(self, account: _AccountId | None, facts: dict[Hashable, Fact]) -> dict[str, Any]:
        """Write a report; the account itself goes with everything of it, as it was told last."""
        told = facts.values()
        body: dict[str, Any] = {
            "deals": [fact for fact in told if isinstance(fact, DealReport)],
            "prices": [fact for fact in told if isinstance(fact, PriceReport)],
            "events": [fact for fact in told if isinstance(fact, NewsEvent)],
        }
        if account in self._accounts:
            body["account"] = self._accounts[account]
        for fact in told:
            if isinstance(fact, AccountPositions):
                body["positions"] = fact.positions
        return body


def _key_of(fact: Fact) -> Hashable | None:
    """Give what makes two facts the same; None for what no terminal tells."""
    if isinstance(fact, DealReport):
        return "deal", fact.account, fact.deal.ticket
    if isinstance(fact, Account | AccountPositions):
        return type(fact).__name__, fact.server, fact.login
    if isinstance(fact, PriceReport):
        return "price", fact.server, fact.symbol
    if isinstance(fact, NewsEvent):
        return "event", fact.id
    return None


def _account_of(fact: Fact) -> _AccountId | None:
    if isinstance(fact, DealReport):
        return fact.account
    return (fact.server, fact.login) if isinstance(fact, Account | AccountPositions) else None
