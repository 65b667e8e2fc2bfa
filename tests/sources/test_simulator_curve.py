"""What the simulated fleet was worth in its past: it follows from its deals, and is bounded."""

from collections import defaultdict

import pytest

from fleetwire.fleet.events import DealReport
from fleetwire.ports import Sample
from fleetwire.sources.simulator import Simulator
from fleetwire.sources.simulator.curve import samples

START_MSC = 1_795_536_000_000


def past(experts: int) -> tuple[Simulator, list[DealReport], list[Sample]]:
    fleet = Simulator(7, experts, start_msc=START_MSC)
    deals = [fact for fact in fleet.before() if isinstance(fact, DealReport)]
    return fleet, deals, list(samples(fleet.accounts, deals, START_MSC + 60_000))


def test_without_deals_there_is_no_past() -> None:
    assert list(samples(Simulator(7, 3).accounts, [], START_MSC)) == []


def test_the_last_balance_is_that_of_the_account() -> None:
    fleet, _, found = past(12)
    last = {each.subject: each.balance for each in found}
    for account in fleet.accounts:
        assert last[f"account:{account.server.name}/{account.login}"] == pytest.approx(account.balance, abs=0.005)


def test_experts_add_up_to_accounts_and_accounts_to_currencies() -> None:
    fleet, deals, found = past(12)
    at: dict[int, dict[str, Sample]] = defaultdict(dict)
    for each in found:
        at[each.utc_ms][each.subject] = each
    of_currency = {
        currency: [f"account:{each.server.name}/{each.login}" for each in fleet.accounts if each.currency == currency]
        for currency in {each.currency for each in fleet.accounts}
    }
    assert all(deal.ea_id is not None for deal in deals)
    opened_with = sum(account.opening_balance for account in fleet.accounts)
    assert len(at) > 100
    for kept in at.values():
        for currency, names in of_currency.items():
            assert kept[f"currency:{currency}"].equity == pytest.approx(
                sum(kept[name].equity for name in names), abs=0.05
            )
        experts = sum(each.equity for subject, each in kept.items() if subject.startswith("ea:"))
        accounts = sum(each.equity for subject, each in kept.items() if subject.startswith("account:"))
        assert opened_with + experts == pytest.approx(accounts, abs=0.2)


def test_what_was_open_moves_the_equity_away_from_the_balance_and_back() -> None:
    _, _, found = past(3)
    apart = [round(each.equity - each.balance, 2) for each in found if each.subject == "ea:1001"]
    assert any(apart)
    assert apart.count(0.0) > len(apart) / 4, "it was not always in the market"


@pytest.mark.parametrize("experts", [1, 40, 400])
def test_a_large_fleet_has_fewer_samples_of_each(experts: int) -> None:
    _, _, found = past(experts)
    assert 0 < len(found) < 25_000
    assert {each.subject for each in found if each.subject.startswith("ea:")} == {
        f"ea:{ea_id}" for ea_id in range(1001, 1001 + experts)
    }
