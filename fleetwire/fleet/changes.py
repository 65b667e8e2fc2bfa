"""What `Fleet` says of a fact: what changed by it."""

from typing import NamedTuple

from fleetwire.fleet.account import AccountState, TerminalState
from fleetwire.fleet.events import CommandReport, Deal, NewsEvent, PriceReport
from fleetwire.fleet.expert import ExpertState


class ExpertChanged(NamedTuple):
    """An expert's row has to be told anew."""

    expert: ExpertState


class Traded(NamedTuple):
    """A deal happened. `expert` is None where it is nobody's."""

    account: AccountState
    expert: ExpertState | None
    deal: Deal


class Attributed(NamedTuple):
    """A deal of before turned out to be an expert's, or to have been at another time in UTC: keep it again."""

    account: AccountState
    ea_id: int | None
    deal: Deal


class ClaimRefused(NamedTuple):
    """An expert claims an id that another one owns."""

    claimant: ExpertState
    owner: ExpertState


class AccountChanged(NamedTuple):
    """An account's figures changed, and the portfolio with them."""

    account: AccountState


class TerminalChanged(NamedTuple):
    """A terminal's state changed."""

    terminal: TerminalState


class PriceChanged(NamedTuple):
    """A symbol's price changed."""

    price: PriceReport


class Announced(NamedTuple):
    """A calendar event. `utc_ms` is when it is, converted from the trade server's clock where it came so."""

    event: NewsEvent
    utc_ms: int | None


class CommandMoved(NamedTuple):
    """A command took a step."""

    report: CommandReport


Change = (
    ExpertChanged
    | Traded
    | Attributed
    | ClaimRefused
    | AccountChanged
    | TerminalChanged
    | PriceChanged
    | Announced
    | CommandMoved
)
