"""A server whose fleet is as large, and changes as fast, as is asked for: the load of the dashboard's benchmark.

    python -m benchmarks.stage

It prints its port. Each line that it reads, "EXPERTS HERTZ", is the load from then on; it ends with its input.
"""

import asyncio
import math
import sys

import msgspec

from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.rows import DealRow, ExpertRow, Group, PortfolioRow, Sums

TOKEN = "a-token-of-the-benchmark-that-nobody-else-has"
_TICK_S = 0.01  # changes are spread over the second, so that no frame is without some
_SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US500", "GER40", "BTCUSD", "EURJPY")
_STRATEGIES = ("Trend Rider", "Mean Reversion", "Night Scalper", "Grid", "London Breakout")
_LAST_TRADES = 5


def _deal(number: int, ticket: int, utc: str) -> DealRow:
    return DealRow(
        ea_id=number,
        symbol=_SYMBOLS[number % len(_SYMBOLS)],
        name=_STRATEGIES[number % len(_STRATEGIES)],
        ticket=ticket,
        order=ticket,
        time_msc=1_780_000_000_000,
        type="sell",
        entry="out",
        magic=number,
        position_id=ticket - 1,
        reason="expert",
        volume=0.1,
        price=1.08541,
        commission=-0.35,
        swap=0.0,
        fee=0.0,
        profit=12.5,
        comment="",
        time_server="2026.11.24 19:41:56",
        time_utc=utc,
    )


def _expert(number: int, utc: str) -> ExpertRow:
    """A row as the fleet tells it: some 2,000 bytes."""
    name = _STRATEGIES[number % len(_STRATEGIES)]
    return ExpertRow(
        ea_id=number,
        symbol=_SYMBOLS[number % len(_SYMBOLS)],
        status="active",
        current_profit=0.0,
        name=name,
        currency="USD",
        drawdown_pct=1.25,
        magic=number,
        server="Demo-Server",
        login=50_000_000 + number // 10,
        strategy_tag=name,
        group="",
        timeframe="M15",
        open_positions=2,
        volume=0.3,
        sl_value=1.08,
        tp_value=1.09,
        trailing_active=False,
        module_status={"signal": "ok", "risk": "ok", "news_filter": "ok"},
        performance_metrics={"total_trades": 120, "profit_factor": 1.42, "profit_trades_pct": 54.2, "z_score": -0.4},
        net_profit=1200.5,
        profit_today=42.0,
        last_trades=[_deal(number, 10 * number + each, utc) for each in range(_LAST_TRADES)],
        paused=False,
        link="fresh",
        trading_blocked=False,
        last_report_utc=utc,
        last_report_server="2026.11.24 19:41:56",
        terminal="Demo-Server/50000000/vps",
    )


def _portfolio(experts: int, profit: float) -> PortfolioRow:
    sums = Sums(
        total_profit=profit,
        drawdown_pct=0.4,
        currency="USD",
        net_profit=12_000.0,
        profit_today=420.0,
        daily_result=400.0,
        balance=100_000.0,
        equity=100_000.0 + profit,
        peak_equity=100_500.0,
        margin=5_000.0,
        margin_free=95_000.0,
        margin_level=2_000.0,
    )
    groups = {
        name: Group(eas=experts // len(names), positions=2, profit={"USD": profit}, net_profit={"USD": 2_400.0})
        for names in (_STRATEGIES, _SYMBOLS)
        for name in names
    }
    return PortfolioRow(
        active_eas=experts,
        portfolio="total",
        total_eas=experts,
        total_positions=2 * experts,
        links={"fresh": experts, "late": 0, "stale": 0, "lost": 0},
        exposure_by_symbol=dict.fromkeys(_SYMBOLS, 1.5),
        exposure_by_currency={"EUR": 15_000.0, "USD": -16_000.0},
        breakdown={
            "strategy": {name: groups[name] for name in _STRATEGIES},
            "symbol": {name: groups[name] for name in _SYMBOLS},
            "account": {},
        },
        by_currency={"USD": sums},
        trading_blocked=[],
    )


async def _play(server: WebSocketServer, experts: int, hertz: float) -> None:
    """Change every expert so many times a second, and the portfolio ten times."""
    loop = asyncio.get_running_loop()
    rows = [_expert(number, server.clock.utc()) for number in range(1, experts + 1)]
    begun, told, sums = loop.time(), 0, 0
    while True:
        utc, passed = server.clock.utc(), loop.time() - begun
        due = int(passed * experts * hertz)
        for change in range(max(told, due - experts), due):  # what a busy machine could not tell in time is left out
            at = change % experts
            rows[at] = msgspec.structs.replace(
                rows[at], current_profit=round(100 * math.sin(change / 7), 2), last_report_utc=utc
            )
            server.publish("ea_update", rows[at], as_of=utc)
        told = due
        if passed * 10 > sums:
            sums = int(passed * 10) + 1
            server.publish("portfolio_update", _portfolio(experts, round(50 * math.sin(passed), 2)), as_of=utc)
        await asyncio.sleep(_TICK_S)


async def _main() -> None:
    server = WebSocketServer(port=0, auth_token=TOKEN, limits=Limits())
    await server.start_server()
    print(server.port, flush=True)
    loop, playing = asyncio.get_running_loop(), None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        experts, hertz = line.split()
        if playing is not None:
            playing.cancel()
        for number in range(1, int(experts) + 1):
            server.publish("ea_update", _expert(number, server.clock.utc()), as_of=server.clock.utc())
        playing = asyncio.create_task(_play(server, int(experts), float(hertz)))
    await server.stop_server()


if __name__ == "__main__":
    asyncio.run(_main())
