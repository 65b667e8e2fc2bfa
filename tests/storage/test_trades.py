"""Trades of a genuine history, beside what the terminal says of it."""

from pathlib import Path

import msgspec

from fleetwire.ports import KeptDeal, TradeQuery
from fleetwire.sources.report import read_report
from fleetwire.storage import SqliteStore


async def test_a_genuine_history_kept_twice_has_the_terminals_own_trades_once(genuine_reports: Path) -> None:
    """As many as the terminal counted, none open, and their results add up to its net profit."""
    name = "ReportTester-DailyBreakout-XAUUSD"
    expected = msgspec.json.decode((genuine_reports / f"{name}.expected.json").read_bytes())["from_deals"]
    deals = read_report(genuine_reports / f"{name}.xlsx").deals
    store = SqliteStore(":memory:")
    await store.open()
    for history in (deals[::-1], deals):
        for begin in range(0, len(history), 100):
            store.keep([KeptDeal("Tester", 1, 7, deal.time_msc, deal) for deal in history[begin : begin + 100]])
    await store.committed()
    trades = (await store.trades(TradeQuery(limit=10_000))).items
    assert {trade.status for trade in trades} == {"closed"}
    assert sum(trade.deals for trade in trades) == sum(bool(deal.position_id) for deal in deals)
    assert len(trades) == expected["total_trades"]
    assert sum(trade.type == "buy" for trade in trades) == expected["long_trades"]
    assert round(sum(trade.result for trade in trades), 2) == expected["total_net_profit"]
    assert await store.check() == []
    await store.close()
