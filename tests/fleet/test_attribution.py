"""Whose a deal is: who opened the position goes before who says so, and that before the magic."""

import pytest

from fleetwire.fleet.attribution import by_magic, owner_of_deal, owner_of_position
from fleetwire.fleet.events import ExpertId
from fleetwire.fleet.state import Fleet
from tests.fleet.support import account, deal, fleet_of, report

EUR = ExpertId("Broker-Demo", 5, 7, "EURUSD", "Grid")
GBP = ExpertId("Broker-Demo", 5, 7, "GBPUSD", "Grid")
ALONE = ExpertId("Broker-Demo", 5, 8, "EURUSD", "Trend")


@pytest.fixture
def fleet() -> Fleet:
    return fleet_of(account(), report(EUR, ea_id=1), report(GBP, ea_id=2), report(ALONE, ea_id=3))


@pytest.mark.parametrize(
    ("magic", "symbol", "owner"),
    [
        (7, "EURUSD", 1),
        (7, "GBPUSD", 2),
        (7, "USDJPY", None),  # two could have made it
        (8, "USDJPY", 3),  # the only one of this magic may trade any symbol
        (9, "EURUSD", None),
        (0, "EURUSD", None),
    ],
)
def test_a_magic_is_of_the_expert_on_the_symbol_or_of_the_only_one(
    fleet: Fleet, magic: int, symbol: str, owner: int | None
) -> None:
    state = fleet.accounts["Broker-Demo", 5]
    assert by_magic(fleet.experts, state, magic, symbol) == owner
    assert owner_of_position(fleet.experts, state, 77, magic, symbol) == owner


def test_who_opened_a_position_owns_what_closes_it_whoever_says_otherwise(fleet: Fleet) -> None:
    state = fleet.accounts["Broker-Demo", 5]
    opening = deal(1, type="buy", entry="in", position_id=5, magic=8)
    state.take(opening, 2)
    closing = deal(2, type="sell", entry="out", position_id=5, magic=8)
    said = fleet.experts[3]
    assert owner_of_deal(fleet.experts, state, closing, said) is fleet.experts[2]
    assert owner_of_deal(fleet.experts, state, opening, said) is said
    assert owner_of_deal(fleet.experts, state, opening, None) is said, "by its magic"
    assert owner_of_position(fleet.experts, state, 5, 8, "EURUSD") == 2


def test_money_that_was_paid_in_is_nobodys_whatever_its_magic(fleet: Fleet) -> None:
    state = fleet.accounts["Broker-Demo", 5]
    assert owner_of_deal(fleet.experts, state, deal(1, type="balance", magic=8), None) is None
