"""The simulated fleet: the same seed is the same fleet, and what it says adds up."""

from itertools import islice

import msgspec

from fleetwire.fleet.events import Account, CommandReport, Deal, DealReport, ExpertReport, Fact, NewsEvent
from fleetwire.sources.simulator import Simulator

START_MSC = 1_763_830_800_000


def facts_of(seed: int, steps: int = 300, experts: int = 12) -> list[Fact]:
    fleet = Simulator(seed, experts, start_msc=START_MSC)
    return [*fleet.before(), *(fact for facts in islice(fleet.steps(), steps) for fact in facts)]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (msgspec.json.encode(facts_of(seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_every_expert_reports_once_a_second() -> None:
    fleet = Simulator(7, 23, start_msc=START_MSC)
    second = [fact for facts in islice(fleet.steps(), 10) for fact in facts]
    reported = [fact.ea_id for fact in second if isinstance(fact, ExpertReport)]
    assert sorted(filter(None, reported)) == sorted(expert.ea_id for expert in fleet.experts)


def test_a_closing_deal_closes_a_position_that_was_opened_and_no_ticket_is_used_twice() -> None:
    deals: dict[tuple[str, int], list[Deal]] = {}
    for fact in facts_of(7, 600):
        if isinstance(fact, DealReport):
            deals.setdefault((fact.expert.server, fact.expert.login), []).append(fact.deal)
    for of_account in deals.values():
        tickets = [deal.ticket for deal in of_account]
        assert len(tickets) == len(set(tickets))
        opened = {deal.position_id: deal for deal in of_account if deal.entry == "in"}
        closed = [deal for deal in of_account if deal.entry == "out"]
        assert closed
        assert all(opened[deal.position_id].volume == deal.volume for deal in closed)
        assert all(opened[deal.position_id].type != deal.type for deal in closed)


def test_an_accounts_equity_is_its_balance_and_what_its_experts_have_open() -> None:
    fleet = Simulator(7, 12, start_msc=START_MSC)
    list(fleet.before())
    list(islice(fleet.steps(), 200))
    for account in fleet.accounts:
        report = account.report()
        floating = sum(position.profit for expert in account.experts for position in expert.report().positions)
        assert abs(report.equity - report.balance - floating) < 0.02
        assert abs(report.margin_free - (report.equity - report.margin)) < 0.02


def test_the_balance_is_what_the_deals_say() -> None:
    fleet = Simulator(7, 12, start_msc=START_MSC)
    before = {account.login: account.balance for account in fleet.accounts}
    for fact in [*fleet.before(), *(fact for facts in islice(fleet.steps(), 300) for fact in facts)]:
        if isinstance(fact, DealReport):
            before[fact.expert.login] += fact.deal.profit + fact.deal.commission + fact.deal.swap + fact.deal.fee
    assert all(abs(account.balance - before[account.login]) < 0.02 for account in fleet.accounts)


def test_news_and_commands_happen_and_a_paused_expert_opens_nothing() -> None:
    facts = facts_of(7, 1500)
    assert any(isinstance(fact, NewsEvent) for fact in facts)
    commands = [fact for fact in facts if isinstance(fact, CommandReport)]
    assert [command.status for command in commands[:4]] == ["queued", "delivered", "accepted", "executed"]
    paused = {fact.expert: fact for fact in facts if isinstance(fact, ExpertReport) and fact.paused}
    assert paused
    assert all(report.status == "paused" for report in paused.values())
    assert any(isinstance(fact, Account) for fact in facts)


def test_a_fleet_of_one_has_one_account() -> None:
    fleet = Simulator(7, 1, start_msc=START_MSC)
    assert (len(fleet.accounts), len(fleet.experts)) == (1, 1)
