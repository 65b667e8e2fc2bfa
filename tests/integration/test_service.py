"""The river from a fact to a client's socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from websockets import connect

from fleetwire import WebSocketClient, WebSocketServer
from fleetwire.client import Message
from fleetwire.fleet.events import Account, CommandReport, ExpertId, ExpertReport, NewsEvent, Position
from fleetwire.integration import IntegrationService
from fleetwire.ports import Report
from fleetwire.sources.simulator import Simulator

TOKEN = "a-token-for-these-tests"
LONDON = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout")
ALL = ["ea_updates", "portfolio_updates", "trade_updates", "news_updates", "command_updates", "alerts"]


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN) as running:
        yield running


@pytest.fixture
async def service(server: WebSocketServer) -> AsyncIterator[IntegrationService]:
    running = IntegrationService(server)
    await running.start()
    yield running
    await running.stop()


async def hear(server: WebSocketServer, channels: list[str], count: int) -> list[Message]:
    """Connect, subscribe, and take the first messages."""
    heard: list[Message] = []
    async with asyncio.timeout(10), WebSocketClient(server.url, TOKEN) as client:
        async for message in client.subscribe(channels):
            if message.channel is not None:
                heard.append(message)
            if len(heard) == count:
                break
    return heard


def expert(profit: float, ticket: int = 1) -> ExpertReport:
    position = Position(
        ticket=ticket, time_msc=0, type="buy", volume=0.1, price_open=1.08, symbol="EURUSD", profit=profit
    )
    return ExpertReport(expert=LONDON, ea_id=12345, positions=(position,))


def account(equity: float) -> Account:
    return Account(server="Broker-Demo", login=5, currency="USD", balance=1000.0, equity=equity)


async def test_a_newcomer_finds_the_state_as_it_is(server: WebSocketServer, service: IntegrationService) -> None:
    await service.report(account(1150.75), expert(150.75))
    row, portfolio = await hear(server, ["ea_updates", "portfolio_updates"], 2)
    assert (row.type, row.data["ea_id"], row.data["current_profit"]) == ("ea_update", 12345, 150.75)
    assert (portfolio.type, portfolio.data["total_profit"], portfolio.data["active_eas"]) == (
        "portfolio_update",
        150.75,
        1,
    )


async def test_there_is_a_portfolio_before_the_first_report(
    server: WebSocketServer, service: IntegrationService
) -> None:
    (portfolio,) = await hear(server, ["portfolio_updates"], 1)
    assert portfolio.data["total_eas"] == 0


async def test_a_portfolio_is_never_told_before_the_rows_that_it_sums(
    server: WebSocketServer, service: IntegrationService
) -> None:
    async with asyncio.timeout(20), WebSocketClient(server.url, TOKEN) as client:
        rows: dict[int, float] = {}
        compared = 0
        await client.subscribe(["ea_updates", "portfolio_updates"])

        async def reporting() -> None:
            for step in range(50):
                reports = [
                    ExpertReport(
                        expert=ExpertId("Broker-Demo", 5, number, "EURUSD", "Grid"),
                        ea_id=number,
                        positions=expert(step * number, ticket=number).positions,
                    )
                    for number in range(1, 6)
                ]
                await service.report(account(1000.0), *reports)

        task = asyncio.create_task(reporting())
        async for message in client:
            if message.type == "ea_update":
                rows[message.data["ea_id"]] = message.data["current_profit"]
            elif message.type == "portfolio_update" and "total_profit" in message.data:
                assert message.data["total_profit"] == pytest.approx(sum(rows.values()))
                compared += 1
                if message.data["total_profit"] == 49 * 15:
                    break
        await task
        assert compared > 1


async def test_one_report_is_told_with_one_portfolio_however_many_experts_it_is_of(
    server: WebSocketServer, service: IntegrationService
) -> None:
    before = server.hub.position
    reports = [
        ExpertReport(expert=ExpertId("Broker-Demo", 5, number, "EURUSD", "Grid"), ea_id=number)
        for number in range(1, 101)
    ]
    await service.report(account(1000.0), *reports)
    assert server.hub.position - before == 101


async def test_an_expert_that_falls_raises_an_alert_and_one_that_recovers_clears_it(
    server: WebSocketServer, service: IntegrationService
) -> None:
    async with asyncio.timeout(10), WebSocketClient(server.url, TOKEN) as client:
        alerts = client.subscribe(["alerts"])
        heard: list[dict[str, Any]] = []

        async def listen() -> None:
            async for message in alerts:
                if message.type == "alert" and message.data["rule"] == "ea_drawdown":
                    heard.append(message.data)
                if len(heard) == 2:
                    return

        listening = asyncio.create_task(listen())
        while not any(info.channels for info in server.get_connected_clients()):
            await asyncio.sleep(0)
        for profit in (100.0, -50.0, 99.0):
            await service.report(account(1000.0 + profit), expert(profit))
        await listening
    assert [alert["status"] for alert in heard] == ["raised", "cleared"]
    assert heard[0]["message"] == "EA 12345 drawdown exceeds 10% (13.6%)"


async def test_commands_and_news_go_to_their_channels(server: WebSocketServer, service: IntegrationService) -> None:
    command = CommandReport(command_id=9, ea_id=12345, command="pause", status="executed")
    news = NewsEvent(id=1, time_utc="2026-11-22T13:30:00Z", currency="USD", importance="high", name="Nonfarm Payrolls")
    async with asyncio.timeout(10), WebSocketClient(server.url, TOKEN) as client:
        await client.subscribe(["command_updates", "news_updates"])
        iteration = aiter(client)
        await service.report(command, news)
        heard = [message for message in [await anext(iteration) for _ in range(3)] if message.channel]
    assert [message.type for message in heard] == ["command_update", "news_update"]
    assert (heard[0].data["status"], heard[1].data["name"]) == ("executed", "Nonfarm Payrolls")
    assert [message.seq for message in heard] == [1, 1]


async def test_a_simulated_fleet_fills_every_channel(server: WebSocketServer) -> None:
    """The demo's own path, faster than life."""
    service = IntegrationService(server, [Simulator(seed=7, experts=10, speed=1000.0)])
    heard: set[str] = set()
    async with asyncio.timeout(30), WebSocketClient(server.url, TOKEN) as client:
        await client.subscribe(ALL)
        await service.start()
        async for message in client:
            heard.add(str(message.channel))
            if heard.issuperset(ALL):
                break
    await service.stop()
    assert len(service.fleet.experts) == 10


class BrokenSource:
    """A source that fails at once."""

    name = "broken"

    async def run(self, report: Report) -> None:
        raise OSError("the terminal is gone")


async def test_a_source_that_fails_is_told_to_its_owner_and_in_the_log(
    server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    service = IntegrationService(server, [BrokenSource()])
    await service.start()
    with pytest.raises(OSError, match="the terminal is gone"):
        await service.finished()
    await service.stop()
    assert "source broken failed" in caplog.text


async def test_experts_report_over_the_socket_to_an_integrated_server(
    server: WebSocketServer, service: IntegrationService
) -> None:
    """Account, expert and deal come in by WebSocket; row, trade and portfolio go out."""
    who = msgspec.to_builtins(LONDON)
    said = [
        {"type": "auth", "data": {"token": TOKEN}},
        {"type": "account_report", "data": {"server": "Broker-Demo", "login": 5, "currency": "USD", "equity": 1000.0}},
        {"type": "ea_report", "data": {"expert": who, "ea_id": 12345, "status": "active"}},
        {
            "type": "deal",
            "data": {
                "expert": who,
                "deal": {"ticket": 1, "time_msc": 0, "type": "buy", "entry": "in", "volume": 0.1, "symbol": "EURUSD"},
            },
        },
        {"type": "ea_report", "id": 9, "data": {"expert": {"server": "Broker-Demo"}}},
        {"type": "ea_report", "id": 10, "data": {"expert": who, "positions": [{"ticket": "one"}]}},
    ]
    async with asyncio.timeout(10), WebSocketClient(server.url, TOKEN) as client, connect(server.url) as raw:
        heard: asyncio.Queue[Message] = asyncio.Queue()
        client.register_message_handler("*", heard.put_nowait)
        await client.subscribe(["trade_updates", "ea_updates"])
        for message in said:
            await raw.send(msgspec.json.encode(message).decode())
        answers = [msgspec.json.decode(await raw.recv()) for _ in range(4)][2:]
        while (message := await heard.get()).type != "trade_update":
            pass
        assert message.data["ea_id"] == 12345
    assert [(answer["id"], answer["data"]["code"]) for answer in answers] == [(9, "invalid_data"), (10, "invalid_data")]
    assert answers[0]["data"]["message"] == "ea_report: expert.login: is missing"
    assert list(service.fleet.experts) == [12345]


async def test_a_server_that_keeps_no_fleet_says_so(server: WebSocketServer) -> None:
    async with asyncio.timeout(10), connect(server.url) as raw:
        await raw.send(msgspec.json.encode({"type": "auth", "data": {"token": TOKEN}}).decode())
        await raw.send('{"type": "ea_report", "data": {}, "id": 1}')
        answer = [msgspec.json.decode(await raw.recv()) for _ in range(3)][2]
    assert (answer["id"], answer["data"]["code"]) == (1, "no_reports_taken")
