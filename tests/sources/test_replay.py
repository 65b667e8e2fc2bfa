"""A replayed report ends with the terminal's own figures."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetwire import WebSocketClient, WebSocketServer
from fleetwire.fleet.events import Account, DealReport, ExpertReport, Fact
from fleetwire.fleet.statistics import Statistics
from fleetwire.integration import IntegrationService
from fleetwire.sources.report import read_report
from fleetwire.sources.report.replay import ReportSource

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "data" / "ReportTester-Pendulum.html"
SHARED = Path(os.environ.get("FLEETWIRE_SHARED", ROOT.parent / "shared")) / "data" / "mt5"
REAL = SHARED / "ReportTester-DailyBreakout-XAUUSD.xlsx"


class Collector:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Fact, ...]] = []

    async def __call__(self, *facts: Fact) -> None:
        self.calls.append(facts)

    def of(self, kind: type) -> Iterator[Any]:
        return (fact for call in self.calls for fact in call if isinstance(fact, kind))


async def replayed(path: Path) -> tuple[IntegrationService, WebSocketServer, list[tuple[int, int]]]:
    progress: list[tuple[int, int]] = []
    server = WebSocketServer(port=0, auth_token="t")
    service = IntegrationService(
        server, [ReportSource(read_report(path), None, lambda told, of: progress.append((told, of)))]
    )
    await service.start()
    await service.finished()
    await service.stop()
    return service, server, progress


async def test_every_deal_is_told_once_in_order_with_the_account_and_the_expert_around_it() -> None:
    report, told = read_report(SMALL), Collector()
    await ReportSource(report).run(told)
    assert [fact.deal for fact in told.of(DealReport)] == list(report.deals)
    assert all([type(fact) for fact in call] == [Account, DealReport, ExpertReport] for call in told.calls[1:])


async def test_the_balance_follows_the_deals_and_no_position_is_left_of_closed_ones() -> None:
    report, told = read_report(SMALL), Collector()
    await ReportSource(report).run(told)
    statistics = Statistics(report.money_digits, report.opening_balance)
    for deal in report.deals:
        statistics.add(deal)
    assert list(told.of(Account))[-1].balance == statistics.balance
    states = list(told.of(ExpertReport))
    assert max(len(state.positions) for state in states) >= 1
    in_lots = sum(d.volume if d.type == "buy" else -d.volume for d in report.deals if d.type in ("buy", "sell"))
    left = sum(p.volume if p.type == "buy" else -p.volume for p in states[-1].positions)
    assert left == pytest.approx(in_lots)


async def test_the_row_ends_with_the_figures_that_the_report_command_prints() -> None:
    service, _, progress = await replayed(SMALL)
    report = read_report(SMALL)
    statistics = Statistics(report.money_digits, report.opening_balance)
    for deal in report.deals:
        statistics.add(deal)
    (expert,) = service.fleet.experts.values()
    assert expert.metrics == statistics.metrics()
    assert progress[-1] == (len(report.deals), len(report.deals))


@pytest.mark.skipif(not REAL.exists(), reason="needs the genuine report, in ../shared")
async def test_a_genuine_report_ends_with_the_terminals_own_figures() -> None:
    """Every figure that can be had from deals, to the last printed digit, as a client hears it."""
    expected = json.loads((SHARED / "ReportTester-DailyBreakout-XAUUSD.expected.json").read_text())
    service, server, _ = await replayed(REAL)
    async with server, WebSocketClient(server.url, "t") as client:
        iteration = aiter(client.subscribe(["ea_updates", "portfolio_updates", "trade_updates"], history=10_000))
        heard: dict[str, list[dict[str, Any]]] = {"ea_update": [], "portfolio_update": [], "trade_update": []}
        while (message := await anext(iteration)).type != "snapshot_end":
            heard[message.type].append(message.data)
    (row,), (portfolio,) = heard["ea_update"], heard["portfolio_update"]
    assert {name: row["performance_metrics"][name] for name in expected["from_deals"]} == expected["from_deals"]
    assert (row["ea_id"], row["symbol"], row["name"]) == (expected["magic"], expected["symbol"], expected["expert"])
    assert len(heard["trade_update"]) == expected["deals"]
    assert portfolio["balance"] == expected["final_balance"]
    assert len(service.fleet.experts) == 1
