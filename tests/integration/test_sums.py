"""Every portfolio that a client hears is the sum of the rows that it heard before, also over restarts."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fleetwire import Fleetwire, WebSocketClient
from fleetwire.config import Settings
from fleetwire.fleet.events import Account, AccountPositions, Deal, DealReport, ExpertId, ExpertReport, Fact, Position
from fleetwire.wire.errors import DataError
from tests.integration.support import MSC, TOKEN
from tests.support import ManualClock

ACCOUNTS = {1: "USD", 2: "USD", 3: "JPY", 4: "EUR"}
SYMBOLS = ("EURUSD", "USDJPY", "XAUUSD")


class Reporter:
    """Says anything that experts and accounts may say, in any order."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._ticket = 0

    def some(self) -> list[Fact]:
        return [self._one() for _ in range(self._random.randint(1, 4))]

    def _one(self) -> Fact:
        login = self._random.choice([*ACCOUNTS])
        return self._random.choice([self._account, self._expert, self._expert, self._deal, self._positions])(login)

    def _account(self, login: int) -> Fact:
        equity = self._random.randint(500, 2000)
        return Account(server="Demo", login=login, currency=ACCOUNTS[login], balance=1000.0, equity=float(equity))

    def _who(self, login: int) -> ExpertId:
        number = self._random.randint(1, 4)
        return ExpertId("Demo", login, 7 + number % 2, self._random.choice(SYMBOLS), f"EA {number}")

    def _held(self) -> tuple[Position, ...]:
        tickets = self._random.sample(range(1, 9), self._random.randint(0, 3))
        return tuple(
            Position(
                ticket=ticket,
                time_msc=MSC,
                type=self._random.choice(("buy", "sell")),
                volume=0.2,
                price_open=1.0,
                magic=self._random.choice((0, 7, 8)),
                symbol=self._random.choice(SYMBOLS),
                profit=self._random.randint(-9999, 9999) / 100,
                swap=-0.01,
            )
            for ticket in tickets
        )

    def _expert(self, login: int) -> Fact:
        status = self._random.choice(("active", "paused"))
        tag = self._random.choice(("", "grid"))
        return ExpertReport(expert=self._who(login), status=status, strategy_tag=tag, positions=self._held())

    def _positions(self, login: int) -> Fact:
        return AccountPositions(server="Demo", login=login, positions=self._held())

    def _deal(self, login: int) -> Fact:
        self._ticket += self._random.choice((0, 1, 1))
        entry = self._random.choice(("in", "out", "in/out", "out by"))
        deal = Deal(
            ticket=self._ticket + 1,
            time_msc=MSC + self._random.randint(-50, 50) * 1000,
            type=self._random.choice(("buy", "sell")),
            entry=entry,
            magic=self._random.choice((0, 7, 8)),
            position_id=self._random.randint(1, 8),
            volume=0.1,
            profit=0.0 if entry == "in" else self._random.randint(-9999, 9999) / 100,
            commission=-0.35,
            symbol=self._random.choice(SYMBOLS),
        )
        if self._random.random() < 0.5:
            return DealReport(server="Demo", login=login, deal=deal)
        return DealReport(expert=self._who(login), deal=deal)


def check(portfolio: dict[str, Any], rows: Iterable[dict[str, Any]]) -> None:
    heard = list(rows)
    assert portfolio["total_eas"] == len(heard)
    assert portfolio["active_eas"] == sum(row["status"] == "active" for row in heard)
    assert portfolio["total_positions"] == sum(row["open_positions"] for row in heard)
    for currency, sums in portfolio["by_currency"].items():
        mine = [row for row in heard if row["currency"] == currency]
        assert sums["total_profit"] == pytest.approx(sum(row["current_profit"] for row in mine), abs=1e-6)
        assert sums["net_profit"] == pytest.approx(sum(row["net_profit"] for row in mine), abs=1e-6)
    if "total_profit" in portfolio:
        assert portfolio["total_profit"] == pytest.approx(sum(row["current_profit"] for row in heard), abs=1e-6)
    for name, group in portfolio["breakdown"]["symbol"].items():
        mine = [row for row in heard if row["symbol"] == name]
        assert (group["eas"], group["positions"]) == (len(mine), sum(row["open_positions"] for row in mine))


async def listen(client: WebSocketClient, compared: list[int], until: asyncio.Event, last: list[int]) -> None:
    """Compare every portfolio with the rows before it, until the last one was heard."""
    rows: dict[int, dict[str, Any]] = {}
    async for message in client.subscribe(["ea_updates", "portfolio_updates"]):
        if message.type == "ea_update":
            rows[message.data["ea_id"]] = dict(message.data)
        elif message.type == "portfolio_update":
            check(message.data, rows.values())
            compared[0] += 1
        if until.is_set() and message.position is not None and message.position >= last[0]:
            return


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_portfolio_is_the_sum_of_the_rows_before_it_also_over_restarts(tmp_path: Path, seed: int) -> None:
    reporter, compared = Reporter(seed), [0]
    for _ in range(3):
        async with (
            asyncio.timeout(30),
            Fleetwire(whole(tmp_path)) as fw,
            WebSocketClient(fw.server.url, TOKEN) as client,
        ):
            until, last = asyncio.Event(), [0]
            listening = asyncio.create_task(listen(client, compared, until, last))
            for _ in range(60):
                with suppress(DataError):  # what is refused is said so
                    await fw.report(*reporter.some())
            until.set()
            last[0] = fw.server.hub.position + 1
            await fw.report(Account(server="Demo", login=1, currency="USD", balance=1000.0, equity=1000.0))
            await listening
    assert compared[0] > 100


@pytest.mark.parametrize("max_hz", [None, 50.0])
async def test_whoever_comes_in_between_finds_rows_and_portfolio_together(tmp_path: Path, max_hz: float | None) -> None:
    """A newcomer's snapshot, and a reader at a pace of its own: rows that changed since are told with their sum."""
    reporter, compared = Reporter(3), [0]

    async def come_and_go(fw: Fleetwire) -> None:
        async with WebSocketClient(fw.server.url, TOKEN) as client:
            rows: dict[int, dict[str, Any]] = {}
            seen = 0
            async for message in client.subscribe(["ea_updates", "portfolio_updates"], max_hz=max_hz):
                if message.type == "ea_update":
                    rows[message.data["ea_id"]] = dict(message.data)
                elif message.type == "portfolio_update":
                    check(message.data, rows.values())
                    seen += 1
                if seen == 5:
                    compared[0] += seen
                    return

    async with asyncio.timeout(30), Fleetwire(whole(tmp_path)) as fw:
        for _ in range(20):
            with suppress(DataError):
                await fw.report(*reporter.some())
        guests = [asyncio.create_task(come_and_go(fw)) for _ in range(3)]
        while len(guests) < 12 or not all(guest.done() for guest in guests):
            for fact in reporter.some():
                with suppress(DataError):
                    fw.service.apply(fact)
            await asyncio.sleep(0)
            if len(guests) < 12 and sum(guest.done() for guest in guests) >= len(guests) - 2:
                guests.append(asyncio.create_task(come_and_go(fw)))
        await asyncio.gather(*guests)
    assert compared[0] == 60


def whole(path: Path) -> Settings:
    return Settings(port=0, auth_token=TOKEN, database=str(path / "fleet.db"))


async def test_a_terminal_that_went_down_with_the_server_is_missed_after_the_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    told = Account(server="Demo", login=1, currency="USD", balance=1000.0, equity=1000.0)
    async with Fleetwire(whole(tmp_path), clock=clock) as fw:
        await fw.report(told)
    clock.advance(600)
    async with Fleetwire(whole(tmp_path), clock=clock) as fw:
        assert "terminal_silent" in [row.rule for row in fw.alerts]
        await fw.report(told)
        assert "terminal_silent" not in [row.rule for row in fw.alerts]


async def test_a_deposit_whose_account_report_is_on_its_way_breaks_no_limit(tmp_path: Path) -> None:
    """The deal is told at once, the account by its timer."""
    clock = ManualClock(1_795_440_600.0)
    rules = tmp_path / "rules.toml"
    rules.write_text('[[limit]]\naccount = "*"\nmax_daily_loss_pct = 5\nmax_loss_pct = 10\n')
    paid = Deal(ticket=1, time_msc=1_795_440_600_000, type="balance", profit=500.0)
    settings = Settings(port=0, auth_token=TOKEN, database=":memory:", rules=str(rules))
    async with Fleetwire(settings, clock=clock) as fw:
        for equity in (1000.0, 1000.0):
            await fw.report(Account(server="Demo", login=1, currency="USD", balance=equity, equity=equity))
        state = fw.service.fleet.accounts["Demo", 1]
        for fact in (
            DealReport(server="Demo", login=1, deal=paid),
            Account(server="Demo", login=1, currency="USD", balance=1500.0, equity=1500.0),
        ):
            await fw.report(fact)
            row = fw.service.account_row(state)
            assert row is not None
            assert row.limits is not None
            assert (row.daily_result, row.limits["daily_loss_headroom"], row.limits["max_loss_used"]) == (
                0.0,
                50.0,
                0.0,
            )
            assert [alert.rule for alert in fw.alerts] == []
