"""Drives a fleet with facts and shows what it says: the one place that knows how `fleetwire.fleet` is called."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import structs

from fleetwire.fleet.channels import expert_row
from fleetwire.fleet.events import Deal, DealReport, ExpertId, Fact
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.state import ExpertChanged, ExpertState, Fleet, Traded
from fleetwire.wire.moment import utc_text

AccountId = tuple[str, int]


class Book(NamedTuple):
    """What the deals of an account add up to: its figures, what was paid in and out, what the day has earned."""

    metrics: dict[str, Any]
    paid: float
    day: int
    earned: float


class Driven:
    """A fleet and its portfolio.

    `traded` has the tickets of the deals that the fleet took, by account, in the order in which it took them; each that
    it takes twice is there twice.
    """

    KNOWS_HANDMADE = False  # deals and positions that are no expert's

    def __init__(self) -> None:
        self.fleet = Fleet()
        self._portfolio = Portfolio(self.fleet)
        self.traded: dict[AccountId, list[int]] = defaultdict(list)
        self._told: dict[int, dict[str, Any]] = {}  # rows, by expert
        self._untold: dict[int, ExpertState] = {}
        self.called_stale: dict[int, int] = {}  # experts, and since when they are (UTC, in milliseconds)
        self._owners: dict[tuple[AccountId, int], ExpertId] = {}  # by position
        self._orphans: dict[tuple[AccountId, int], list[DealReport]] = defaultdict(list)

    def take(self, utc_ms: int, facts: Iterable[Fact]) -> list[Fact]:
        """Apply what arrives at a moment; give what was refused: nothing, as long as the fleet takes everything."""
        for fact in facts:
            for owned in self._owned(fact):
                for change in self.fleet.apply(owned, utc_text(utc_ms)):
                    if isinstance(change, ExpertChanged):
                        self._portfolio.changed(change.expert)
                        self._untold[change.expert.ea_id] = change.expert
                    elif isinstance(change, Traded):
                        who = change.expert.expert
                        self.traded[who.server, who.login].append(change.deal.ticket)
        return []

    def bring_time_to(self, utc_ms: int) -> None:
        """Let the fleet do what time alone brings: nothing, as long as it knows no silence."""

    def restart(self, utc_ms: int) -> bool:
        """Let the fleet be killed, and come back with what was kept of it; tell whether it was.

        It keeps nothing yet, so it goes on.
        """
        return False

    def stale_after_s(self, interval_s: float) -> float | None:
        """Tell after which silence an expert that reports so often has to be called stale; None as long as never."""

    def _owned(self, fact: Fact) -> Iterable[Fact]:
        """Say whose a deal is that says it of nobody: of who opened its position; it waits until that is known."""
        if not isinstance(fact, DealReport) or not fact.deal.position_id:
            return [fact]
        place = (fact.account, fact.deal.position_id)
        if fact.expert is not None and fact.deal.entry == "in":
            self._owners[place] = fact.expert
            return [fact, *(structs.replace(orphan, expert=fact.expert) for orphan in self._orphans.pop(place, ()))]
        if fact.expert is None and place not in self._owners:
            self._orphans[place].append(fact)
            return []
        return [structs.replace(fact, expert=self._owners.get(place, fact.expert))]

    # ---------------------------------------------------------------------------------------------------- what it says

    def rows(self) -> list[dict[str, Any]]:
        """Give the row of every expert as it was told last: when the fleet said that it changed."""
        self._told |= {ea_id: expert_row(self.fleet, expert) for ea_id, expert in self._untold.items()}
        self._untold.clear()
        return list(self._told.values())

    def portfolio(self) -> dict[str, Any]:
        """Give the portfolio's row."""
        return self._portfolio.row()

    def metrics(self, ea_id: int) -> dict[str, Any]:
        """Give an expert's figures, as its row has them."""
        return self.fleet.experts[ea_id].known_metrics

    def opening(self, account: AccountId) -> float:
        """Give what its figures begin with."""
        return next(e.statistics.initial_deposit for e in self.fleet.experts.values() if _is_on(e.expert, account))

    def book(self, account: AccountId) -> Book | None:
        """Give what the fleet says of all deals of an account; None as long as it knows those of experts only."""

    def counted(self, account: AccountId, deals: Iterable[Deal]) -> list[Deal]:
        """Put an expert's deals in the order in which its figures count them: as they came."""
        place = {ticket: number for number, ticket in enumerate(self.traded[account])}
        return sorted((deal for deal in deals if deal.ticket in place), key=lambda deal: place[deal.ticket])


def _is_on(expert: ExpertId, account: AccountId) -> bool:
    return (expert.server, expert.login) == account
