"""What waits in the outbox: the last word on states, every deal, and no more than there is room for."""

import asyncio
from itertools import islice

import msgspec

from fleetwire.cli.simulated.outbox import PARCEL_MAX, ROOM, Outbox
from fleetwire.fleet.events import (
    AccountPositions,
    CommandReport,
    DealReport,
    ExpertReport,
    Fact,
    NewsEvent,
    PriceReport,
)
from fleetwire.sources.expert import facts_of, read_report
from fleetwire.sources.simulator import Simulator
from tests.integration.support import account, deal


async def emptied(outbox: Outbox) -> list[Fact]:
    """Let a server of ours read all bodies, and give what it found in them."""
    found: list[Fact] = []
    while outbox:
        parcel = await outbox.next()
        report = read_report(msgspec.json.encode(parcel.body))
        assert report.refused == []
        found += facts_of(report)
        outbox.kept(parcel)
    return found


async def test_what_terminals_tell_arrives_and_what_experts_tell_does_not() -> None:
    fleet, outbox = Simulator(7, 40), Outbox()
    facts = [*islice(fleet.before(), 1_500), *(fact for step in islice(fleet.steps(), 60) for fact in step)]
    await outbox.put(*facts)
    found = await emptied(outbox)
    for kind, name in (
        (DealReport, lambda fact: (fact.account, fact.deal.ticket)),
        (NewsEvent, lambda fact: fact.id),
        (AccountPositions, lambda fact: (fact.server, fact.login)),
        (PriceReport, lambda fact: (fact.server, fact.symbol)),
    ):
        arrived = [fact for fact in found if isinstance(fact, kind)]
        last = {name(fact): fact for fact in facts if isinstance(fact, kind)}
        assert last
        assert {name(fact): fact for fact in arrived} == last
        assert len(arrived) == len(last), "each once"
    assert not any(isinstance(fact, ExpertReport | CommandReport) for fact in found)


async def test_only_the_last_word_on_an_account_counts_and_no_deal_is_forgotten() -> None:
    outbox = Outbox()
    await outbox.put(account(1.0), deal(1), account(2.0), deal(2), deal(1))
    assert await emptied(outbox) == [account(2.0), deal(1), deal(2)]


async def test_what_is_said_while_a_report_is_under_way_stays() -> None:
    outbox = Outbox()
    await outbox.put(account(1.0), deal(1))
    parcel = await outbox.next()
    await outbox.put(account(2.0))
    outbox.kept(parcel)
    assert await emptied(outbox) == [account(2.0)]


async def test_a_report_whose_answer_did_not_come_is_told_again() -> None:
    outbox = Outbox()
    await outbox.put(deal(1))
    assert (await outbox.next()).facts == (await outbox.next()).facts
    assert outbox.deals == 1


async def test_positions_go_with_the_account_that_they_are_of() -> None:
    outbox = Outbox()
    await outbox.put(account(5.0))
    await emptied(outbox)
    positions = AccountPositions(server="Broker-Demo", login=5, positions=())
    await outbox.put(positions)
    assert await emptied(outbox) == [account(5.0), positions]


async def test_a_full_outbox_lets_the_fleet_wait_and_a_report_is_never_too_long() -> None:
    outbox = Outbox()
    putting = asyncio.create_task(outbox.put(*(deal(ticket) for ticket in range(1, ROOM + 2))))
    await asyncio.sleep(0)
    assert not putting.done()
    parcel = await outbox.next()
    assert len(parcel.facts) == PARCEL_MAX
    outbox.kept(parcel)
    await asyncio.wait_for(putting, 5)
    assert len(outbox) == ROOM + 1 - PARCEL_MAX
