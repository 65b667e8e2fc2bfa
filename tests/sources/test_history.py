"""A report becomes history: all of it, in order, in parts, and the same whenever it is told."""

from pathlib import Path

import msgspec
import pytest

from fleetwire.fleet.events import Account, Deal, DealReport, ExpertReport, Fact
from fleetwire.sources.report import Report, read_report
from fleetwire.sources.report import history as history_module
from fleetwire.sources.report.history import ReportHistory
from fleetwire.wire.errors import ReportError

DATA = Path(__file__).parents[1] / "data"
TESTER = DATA / "ReportTester-Pendulum.html"
HISTORY = DATA / "ReportHistory-400000005.html"


async def told(report: Report) -> list[tuple[Fact, ...]]:
    calls: list[tuple[Fact, ...]] = []

    async def keep(*facts: Fact) -> None:
        calls.append(facts)

    await ReportHistory(report).run(keep)
    return calls


async def test_after_all_its_deals_the_account_has_what_they_made_of_it() -> None:
    report = read_report(HISTORY)
    first, deals, last = await told(report)
    closing, state = last
    assert isinstance(closing, Account)
    assert isinstance(state, ExpertReport)
    assert all(fact.is_history for fact in (*first, *last)), "nobody is alive by it"
    assert (closing.server, closing.login) == ("Broker-Server", 400_000_005)
    assert closing.balance == pytest.approx(report.opening_balance + sum(deal.amount for deal in report.deals))
    assert [fact.deal for fact in deals if isinstance(fact, DealReport)] == list(report.deals)
    assert {fact.expert for fact in deals if isinstance(fact, DealReport)} == {state.expert}
    assert state.expert.name == "400000005", "deals of several experts are told as those of the report"


async def test_deals_are_told_in_parts_and_in_order_of_time_and_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "DEALS_PER_CALL", 4)
    report = read_report(HISTORY)
    shuffled = msgspec.structs.replace(report, deals=tuple(reversed(report.deals)))
    calls = await told(shuffled)
    assert [len(call) for call in calls] == [1, 4, 4, 2, 2]
    deals = [fact.deal for call in calls for fact in call if isinstance(fact, DealReport)]
    assert [(deal.time_msc, deal.ticket) for deal in deals] == sorted((d.time_msc, d.ticket) for d in report.deals)


async def test_each_test_of_an_expert_is_an_account_of_its_own_and_always_the_same() -> None:
    """Tests have no login, and their tickets begin anew: two would else be taken for one."""
    report = read_report(TESTER)
    other = msgspec.structs.replace(report, deals=report.deals[:-1])
    logins = [ReportHistory(test).expert.login for test in (report, read_report(TESTER), other)]
    assert logins[0] == logins[1] != logins[2]
    assert all(2**40 <= login <= 2**53 for login in logins)


async def test_what_a_report_says_at_length_is_kept_within_the_bounds_of_facts() -> None:
    report = read_report(TESTER)
    deals = tuple(msgspec.structs.replace(deal, comment="c" * 999) for deal in report.deals)
    long = msgspec.structs.replace(report, deals=deals, expert="e" * 999, server="", name="n" * 999, symbol="s" * 999)
    for call in await told(long):
        for fact in call:
            assert msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact


@pytest.mark.parametrize("change", [{"ticket": 0}, {"volume": -1.0}, {"time_msc": -1}, {"profit": float("inf")}])
def test_a_deal_that_can_not_be_is_refused(change: dict[str, float]) -> None:
    report = read_report(TESTER)
    deal: Deal = msgspec.structs.replace(report.deals[0], **change)
    with pytest.raises(ReportError, match="a deal of the report is none that can be taken"):
        ReportHistory(msgspec.structs.replace(report, deals=(deal,)))
