"""The simulated fleet: the same seed is the same fleet, and what happens to real ones happens to it."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from itertools import islice, pairwise

import msgspec
import pytest

from fleetwire.fleet.events import (
    Account,
    AccountPositions,
    CommandReport,
    DealReport,
    ExpertReport,
    Fact,
    NewsEvent,
    PriceReport,
)
from fleetwire.fleet.state import Fleet
from fleetwire.sources.simulator import Pace, Simulator
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import moment

START_MSC = 1_763_996_400_000  # a Monday, 15:00 UTC
FRIDAY_MSC = 1_741_348_800_000  # noon (UTC) before the Sunday on which America's summer time begins
WEEK = Pace(step_ms=120_000, report_ms=600_000, positions_ms=600_000, price_ms=900_000, activity=1.0)


def facts_of(seed: int, steps: int = 300, experts: int = 12) -> list[Fact]:
    fleet = Simulator(seed, experts, start_msc=START_MSC)
    return [*fleet.before(), *(fact for facts in islice(fleet.steps(), steps) for fact in facts)]


@pytest.fixture(scope="module")
def week() -> tuple[Simulator, list[tuple[int, list[Fact]]]]:
    """A week of every kind of account, step by step; what was before it comes first."""
    fleet = Simulator(7, 24, start_msc=FRIDAY_MSC, accounts=6, pace=WEEK)
    return fleet, [(fleet.utc_ms, list(fleet.before())), *islice(fleet.moments(), 7 * 720)]


def told(week: tuple[Simulator, list[tuple[int, list[Fact]]]], kind: type) -> list:
    return [fact for _, facts in week[1] for fact in facts if isinstance(fact, kind)]


# ---------------------------------------------------------------------------------------------------------- the seed


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (msgspec.json.encode(facts_of(seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


PRINTS_ITS_HASH = f"""
import hashlib, msgspec
from itertools import islice
from fleetwire.sources.simulator import Simulator
fleet = Simulator(7, 12, start_msc={START_MSC})
facts = [*fleet.before(), *(fact for facts in islice(fleet.steps(), 300) for fact in facts)]
print(hashlib.sha256(msgspec.json.encode(facts)).hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_gives_the_same_bytes(hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", PRINTS_ITS_HASH], env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == hashlib.sha256(msgspec.json.encode(facts_of(7))).hexdigest(), found.stderr


# -------------------------------------------------------------------------------------------------------- who is in it


def test_every_expert_reports_once_a_second() -> None:
    fleet = Simulator(7, 23, start_msc=START_MSC)
    second = [fact for facts in islice(fleet.steps(), 10) for fact in facts]
    reported = [fact.ea_id for fact in second if isinstance(fact, ExpertReport)]
    assert sorted(filter(None, reported)) == sorted(expert.ea_id for expert in fleet.experts)


def test_a_fleet_of_one_has_one_account_in_usd() -> None:
    fleet = Simulator(7, 1, start_msc=START_MSC)
    assert [account.currency for account in fleet.accounts] == ["USD"]
    assert len(fleet.experts) == 1


def test_the_demo_has_forty_experts_on_two_accounts_in_usd_and_one_in_eur() -> None:
    fleet = Simulator()
    assert [account.currency for account in fleet.accounts] == ["USD", "USD", "EUR"]
    assert len(fleet.experts) == 40


def test_two_thousand_experts_share_two_hundred_accounts_and_no_identity() -> None:
    fleet = Simulator(7, 2000, start_msc=START_MSC)
    assert len({(account.server.name, account.login) for account in fleet.accounts}) == len(fleet.accounts) == 200
    assert len({expert.expert for expert in fleet.experts}) == len({expert.ea_id for expert in fleet.experts}) == 2000
    assert {account.currency for account in fleet.accounts} == {"USD", "EUR", "GBP", "JPY"}
    of_netting = [(e.expert.login, e.symbol) for e in fleet.experts if e.account.netting]
    assert len(of_netting) == len(set(of_netting)), "two experts would share a position"


def test_what_it_says_is_within_the_bounds_of_facts() -> None:
    facts = facts_of(7)
    assert msgspec.json.decode(msgspec.json.encode(facts), type=list[Fact]) == facts


# ------------------------------------------------------------------------------------------------- what happens to it


def test_a_week_has_every_way_in_and_out(week) -> None:
    deals = [fact.deal for fact in told(week, DealReport)]
    assert {deal.entry for deal in deals} == {"in", "out", "in/out", "out by", ""}
    assert {deal.type for deal in deals} == {"buy", "sell", "balance", "credit"}
    assert {deal.reason for deal in deals} >= {"expert", "client", "sl", "tp", "so"}
    assert any(deal.profit < 0 for deal in deals if deal.type == "balance"), "a withdrawal"
    assert any(deal.swap for deal in deals)
    assert any(deal.commission for deal in deals)


def test_no_ticket_is_used_twice_and_tickets_follow_time(week) -> None:
    for account in week[0].accounts:
        mine = [f.deal for f in told(week, DealReport) if f.account == (account.server.name, account.login)]
        assert [deal.ticket for deal in mine] == list(range(1, len(mine) + 1))
        assert all(one.time_msc <= other.time_msc for one, other in pairwise(mine))


def test_what_goes_out_of_a_position_went_in(week) -> None:
    """Lots by position_id: never below zero, and at the end what is open."""
    for account in week[0].accounts:
        lots: dict[int, float] = {}
        for fact in told(week, DealReport):
            deal = fact.deal
            if fact.account == (account.server.name, account.login) and deal.entry:
                way = 1 if deal.type == "buy" else -1
                before = lots.get(deal.position_id, 0.0)
                after = round(before + way * deal.volume, 2)
                opens_or_adds = before * way >= 0
                assert opens_or_adds == (deal.entry == "in")
                assert (before * after < 0) == (deal.entry == "in/out")
                lots[deal.position_id] = after
        is_open = {held.identifier: round(held.volume * held.direction, 2) for held in account.held}
        assert {position: left for position, left in lots.items() if left} == is_open


def test_out_by_comes_in_pairs_of_opposite_sides(week) -> None:
    pairs = [fact.deal for fact in told(week, DealReport) if fact.deal.entry == "out by"]
    assert pairs
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        assert (one.time_msc, one.symbol, one.volume) == (other.time_msc, other.symbol, other.volume)
        assert {one.type, other.type} == {"buy", "sell"}
        assert one.position_id != other.position_id


def test_what_people_and_stop_outs_close_bears_no_magic_but_its_position(week) -> None:
    opened = {(f.account, f.deal.position_id): f for f in told(week, DealReport) if f.deal.entry == "in"}
    closed = [
        fact for fact in told(week, DealReport) if fact.deal.reason in ("client", "so") and fact.deal.entry != "in"
    ]
    assert all((fact.expert, fact.deal.magic) == (None, 0) for fact in closed)
    assert any(opened[fact.account, fact.deal.position_id].expert for fact in closed), "an expert's position"
    assert any(opened[fact.account, fact.deal.position_id].expert is None for fact in closed), "one made by hand"


def test_a_netting_account_has_one_position_for_a_symbol(week) -> None:
    netting = {account.login for account in week[0].accounts if account.netting}
    seen = [report for report in told(week, AccountPositions) if report.login in netting]
    assert any(len(report.positions) > 1 for report in seen)
    for report in seen:
        symbols = [position.symbol for position in report.positions]
        assert len(symbols) == len(set(symbols))


def test_a_reversed_position_keeps_its_identifier_and_gets_another_ticket(week) -> None:
    turned = [p for report in told(week, AccountPositions) for p in report.positions if p.ticket != p.identifier]
    assert turned
    known = {fact.deal.position_id for fact in told(week, DealReport)}
    assert all(position.identifier in known for position in turned)


def test_news_and_commands_happen_and_a_paused_expert_opens_nothing() -> None:
    facts = facts_of(7, 1500)
    commands = [fact for fact in facts if isinstance(fact, CommandReport)]
    assert [command.status for command in commands[:4]] == ["queued", "delivered", "accepted", "executed"]
    paused = {fact.expert for fact in facts if isinstance(fact, ExpertReport) and fact.paused}
    assert paused
    first = {}
    for fact in facts:
        if isinstance(fact, ExpertReport) and fact.expert in paused:
            before = first.get(fact.expert)
            if fact.paused and before is not None and before.paused:
                ids = {position.identifier for position in before.positions or ()}
                assert ids.issuperset(position.identifier for position in fact.positions or ())
            assert fact.status == ("paused" if fact.paused else "active")
            first[fact.expert] = fact


def test_events_are_told_in_utc_or_on_a_servers_clock_and_again_with_what_came_of_them(week) -> None:
    events = told(week, NewsEvent)
    assert all(bool(event.time_utc) != bool(event.time_msc and event.server) for event in events)
    assert any(event.time_utc for event in events)
    assert any(event.time_msc for event in events)
    assert {event.importance for event in events} >= {"low", "moderate", "high"}
    announced = {event.id for event in events if event.actual is None}
    outcomes = [event for event in events if event.actual is not None]
    assert outcomes
    assert all(event.id in announced for event in outcomes)


# ---------------------------------------------------------------------------------------------------------- trouble


def test_in_an_hour_something_goes_silent_loses_its_broker_and_is_switched_off_and_comes_back() -> None:
    fleet = Simulator(7, 12, start_msc=START_MSC, pace=Pace(step_ms=1000))
    list(fleet.before())
    heard: dict[int, int] = {}
    gaps: list[int] = []
    terminals = []
    boots: dict[int, set[str]] = {}
    for utc_ms, facts in islice(fleet.moments(), 3600):
        for fact in facts:
            if isinstance(fact, ExpertReport) and fact.ea_id:
                gaps.append(utc_ms - heard.get(fact.ea_id, utc_ms))
                heard[fact.ea_id] = utc_ms
                boots.setdefault(fact.ea_id, set()).add(fact.boot_id)
                assert fact.terminal
                terminals.append((fact.terminal.connected, fact.terminal.trade_allowed))
    long = [gap for gap in gaps if gap > 1000]
    assert len(long) > 10
    assert all(19_000 <= gap <= 184_000 for gap in long), "two troubles may follow one another"
    assert {(False, True), (True, False)} <= set(terminals)
    assert terminals[-1] == (True, True)
    assert any(len(runs) > 1 for runs in boots.values()), "an expert was restarted"


def test_without_its_broker_a_terminal_knows_of_no_deals_and_tells_them_later() -> None:
    fleet = Simulator(7, 1, start_msc=START_MSC)
    list(fleet.before())
    account = fleet.accounts[0]
    before = account.report()
    account.lose_connection()
    account.pay("balance", 100.0, "deposit")
    assert list(account.tell_deals()) == []
    cut_off = account.report()
    assert (cut_off.balance, cut_off.equity) == (before.balance, before.equity)
    assert cut_off.terminal
    assert not cut_off.terminal.connected
    account.connect()
    assert [fact.deal.profit for fact in account.tell_deals()] == [100.0]
    assert account.report().balance == round(before.balance + 100, 2)


def test_the_bold_expert_falls_by_more_than_ten_percent_and_recovers() -> None:
    source, fleet = Simulator(7, 4, start_msc=START_MSC), Fleet()
    falls = []
    for step, facts in enumerate([list(source.before()), *islice(source.steps(), 5000)]):
        at = moment(step / 10, source.utc_ms)
        for fact in facts:
            fleet.apply(fact, at)
        fleet.settle(at)
        falls.append(fleet.experts[1002].drawdown_pct)
    deep = next(step for step, fall in enumerate(falls) if fall > 10)
    assert deep > 300, "the newcomer has half a minute to look around"
    assert min(falls[deep:]) < 5


# --------------------------------------------------------------------------------------------------------- living now


def test_living_now_the_fleet_bears_the_real_time_however_fast_it_lives() -> None:
    fleet = Simulator(7, 10, speed=10)
    assert abs(fleet.utc_ms - time.time() * 1000) < 5000
    began = fleet.utc_ms
    *_, (ended, _) = islice(fleet.moments(), 100)
    assert ended - began == 1000, "ten simulated seconds are one"


def test_living_now_a_fleet_that_is_started_again_uses_no_ticket_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def tickets(fleet: Simulator) -> set[int]:
        facts = [*fleet.before(), *(fact for facts in islice(fleet.steps(), 600) for fact in facts)]
        return {fact.deal.ticket for fact in facts if isinstance(fact, DealReport)}

    yesterday, now = tickets(Simulator(7, 12)), time.time_ns() + 5 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now)
    assert max(yesterday) < min(tickets(Simulator(7, 12)))


@pytest.mark.parametrize(("experts", "speed"), [(0, 1.0), (2001, 1.0), (40, 0.0), (40, 1001.0), (40, float("nan"))])
def test_impossible_fleets_are_refused(experts: int, speed: float) -> None:
    with pytest.raises(ConfigError, match="a simulated fleet has"):
        Simulator(7, experts, speed)


def test_living_now_markets_never_close() -> None:
    facts = list(Simulator(7, 10).before())
    prices = [fact for fact in facts if isinstance(fact, PriceReport)]
    assert prices
    for price in prices:
        assert sum(session.to_s - session.from_s for session in price.sessions or ()) == 7 * 86_400


async def test_as_a_source_it_reports_until_it_is_cancelled_and_is_never_ahead_of_the_clock() -> None:
    enough = asyncio.Event()
    ahead: list[float] = []

    async def report(*facts: Fact) -> None:
        terminals = [fact.terminal for fact in facts if isinstance(fact, Account) and fact.terminal]
        ahead.extend((terminal.time_gmt_msc or 0) - time.time() * 1000 for terminal in terminals)
        if len(ahead) > 100:
            enough.set()

    task = asyncio.create_task(Simulator(7, 10, speed=1000).run(report))
    async with asyncio.timeout(10):
        await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert max(ahead) < 100
    assert min(ahead[-10:]) > -2000


@pytest.mark.parametrize("experts", [1, 2, 7, 41, 101])
def test_fleets_of_all_sizes_live(experts: int) -> None:
    fleet = Simulator(3, experts, start_msc=START_MSC)
    facts = [*fleet.before(), *(fact for facts in islice(fleet.steps(), 20) for fact in facts)]
    assert {fact.ea_id for fact in facts if isinstance(fact, ExpertReport)} == {e.ea_id for e in fleet.experts}


# -------------------------------------------------------------------------------------------------------- its commands


def test_without_an_operator_nobody_is_paused_and_the_rest_of_the_fleet_lives_on() -> None:
    fleet = Simulator(7, 6, start_msc=START_MSC, has_operator=False)
    facts = [fact for step in islice(fleet.steps(), 600) for fact in step]
    assert not any(isinstance(fact, CommandReport) for fact in facts)
    assert not any(fact.paused for fact in facts if isinstance(fact, ExpertReport))
    assert any(isinstance(fact, CommandReport) for step in islice(Simulator(7, 6).steps(), 600) for fact in step)


def test_what_was_begun_is_recalled_or_seen_at_the_account_and_never_done_again() -> None:
    fleet = Simulator(7, 1, start_msc=START_MSC)
    list(fleet.before())
    expert = fleet.experts[0]
    account, owner = expert.account, expert.owner
    held = [account.enter_at(owner, "EURUSD", way, 0.01, 1.1, "expert") for way in (1, -1)]
    mine = [one.ticket for one in account.held if one.owner is owner]
    assert {one.ticket for one in held} <= set(mine)

    assert expert.recall("a", "close_all", {}) == ("partial", {"paused": False, "interrupted": True, "open": mine})
    assert expert.recall("a", "pause", {}) == ("failed", {"paused": False, "interrupted": True})
    assert expert.recall("a", "resume", {})[0] == "executed"
    assert [one.ticket for one in account.held if one.owner is owner] == mine, "to look changes nothing"

    done = expert.obey("b", "emergency_stop", {})
    assert done == ("executed", {"closed": mine, "retcode": 10009})
    assert expert.recall("b", "emergency_stop", {}) == done
    assert expert.recall("c", "emergency_stop", {})[0] == expert.recall("c", "close_all", {})[0] == "executed"
    expert.obey("d", "resume", {})
    assert expert.recall("e", "emergency_stop", {})[0] == "partial", "it trades again"
    assert expert.recall("e", "emergency_stop", {"close": False})[0] == "partial"
