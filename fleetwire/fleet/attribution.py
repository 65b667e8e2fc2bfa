"""Whose a deal or a position is: of who opened it, of who says so, of the one who has its magic."""

from collections.abc import Mapping

from fleetwire.fleet.account import AccountState
from fleetwire.fleet.events import CLOSING, TRADE_TYPES, Deal
from fleetwire.fleet.expert import ExpertState

Experts = Mapping[int, ExpertState]
"""All experts of the fleet, by `ea_id`."""


def owner_of_deal(experts: Experts, account: AccountState, deal: Deal, said: ExpertState | None) -> ExpertState | None:
    """Find out whose a deal is.

    Args:
        experts: all of the fleet.
        account: where it was made.
        deal: any.
        said: who says that it is its own; None if nobody does.
    """
    if deal.entry in CLOSING and deal.position_id:
        opened_by = account.owner_of(deal.position_id)
        if opened_by is not None:
            return experts[opened_by]
    if said is not None:
        return said
    found = by_magic(experts, account, deal.magic, deal.symbol) if deal.type in TRADE_TYPES else None
    return experts[found] if found is not None else None


def owner_of_position(experts: Experts, account: AccountState, position_id: int, magic: int, symbol: str) -> int | None:
    """Find out whose an open position is: of who opened it, or of the one who has its magic; None for nobody's."""
    opened_by = account.owner_of(position_id)
    return by_magic(experts, account, magic, symbol) if opened_by is None else opened_by


def by_magic(experts: Experts, account: AccountState, magic: int, symbol: str) -> int | None:
    """Find the one expert of an account with a magic: on the symbol, or the only one at all; 0 is nobody's."""
    if not magic:
        return None
    having = [ea_id for ea_id in account.experts if experts[ea_id].expert.magic == magic]
    on_symbol = [ea_id for ea_id in having if experts[ea_id].expert.symbol == symbol]
    found = on_symbol or having
    return found[0] if len(found) == 1 else None
