"""The simulated accounts: money and margin by MetaTrader's rules, recomputed here from what is told alone."""

from fractions import Fraction
from itertools import islice, pairwise
from random import Random

import pytest

from fleetwire.fleet.events import Account, AccountPositions, DealReport, Fact, Position, PriceReport
from fleetwire.sources.simulator import Pace, Simulator
from fleetwire.sources.simulator.account import SimulatedAccount
from fleetwire.sources.simulator.brokers import BROKERS
from fleetwire.sources.simulator.market import Market, TradeServer

MONDAY_MS = 1_741_564_800_000  # 2025-03-10, midnight in UTC
MINUTES = Pace(step_ms=60_000, report_ms=60_000, positions_ms=60_000, price_ms=60_000, activity=1.0)
DIGITS = {"JPY": 0}


@pytest.fixture(scope="module")
def minutes() -> tuple[Simulator, list[list[Fact]]]:
    """More than a day, in which every step tells all accounts, positions and prices."""
    fleet = Simulator(5, 24, start_msc=MONDAY_MS, accounts=6, pace=MINUTES)
    return fleet, [list(fleet.before()), *islice(fleet.steps(), 1600)]


def account_of(fact: Account | AccountPositions) -> tuple[str, int]:
    return fact.server, fact.login


def last_accounts(facts: list[Fact]) -> list[Account]:
    """The last report of each account in a step: it tells of the same moment as the positions."""
    return list({account_of(fact): fact for fact in facts if isinstance(fact, Account)}.values())


def cents(amount: float, currency: str) -> int:
    return round(amount * 10 ** DIGITS.get(currency, 2))


# ------------------------------------------------------------------------------------------------------------- money


def test_the_balance_moves_by_the_deals_to_the_cent(minutes) -> None:
    fleet, steps = minutes
    balances = {(a.server.name, a.login): cents(a.opening_balance, a.currency) for a in fleet.accounts}
    credits = dict.fromkeys(balances, 0)
    currencies = {(a.server.name, a.login): a.currency for a in fleet.accounts}
    reported = 0
    for facts in steps:
        for fact in facts:
            if isinstance(fact, DealReport):
                into = credits if fact.deal.type == "credit" else balances
                into[fact.account] += cents(fact.deal.amount, currencies[fact.account])
            elif isinstance(fact, Account):
                assert cents(fact.balance, fact.currency) == balances[account_of(fact)]
                assert cents(fact.credit, fact.currency) == credits[account_of(fact)]
                reported += 1
    assert reported > 5_000


def test_with_deals_goes_what_the_account_holds_after_them(minutes) -> None:
    _, steps = minutes
    for facts in steps[1:]:
        told = {fact.account for fact in facts if isinstance(fact, DealReport)}
        assert told <= {account_of(fact) for fact in facts if isinstance(fact, Account)}


def test_equity_is_balance_credit_and_what_is_open_to_the_cent(minutes) -> None:
    _, steps = minutes
    for facts in steps[1:]:
        positions = {account_of(f): f.positions for f in facts if isinstance(f, AccountPositions)}
        for fact in last_accounts(facts):
            unit = fact.currency
            floating = sum(cents(p.profit, unit) + cents(p.swap, unit) for p in positions[account_of(fact)])
            assert cents(fact.profit, unit) == floating
            assert cents(fact.equity, unit) == cents(fact.balance, unit) + cents(fact.credit, unit) + floating
            assert cents(fact.margin_free, unit) == cents(fact.equity, unit) - cents(fact.margin, unit)


class Prices:
    """What the price reports of one trade server have said last."""

    def __init__(self) -> None:
        self.last: dict[str, PriceReport] = {}

    def rate(self, currency: str, into: str) -> Fraction:
        usd = {"USD": Fraction(1)}
        usd |= {"EUR": Fraction(self.last["EURUSD"].bid), "GBP": Fraction(self.last["GBPUSD"].bid)}
        usd["JPY"] = 1 / Fraction(self.last["USDJPY"].bid)
        return usd[currency] / usd[into]

    def profit(self, position: Position, currency: str) -> Fraction:
        price = self.last[position.symbol]
        now = price.bid if position.type == "buy" else price.ask
        assert now == position.price_current
        move = (Fraction(now) - Fraction(position.price_open)) * (1 if position.type == "buy" else -1)
        in_profit_currency = move * Fraction(price.contract_size) * Fraction(position.volume)
        return in_profit_currency * self.rate(price.currency_profit, currency)

    def margin(self, position: Position, currency: str, leverage: int) -> Fraction:
        price = self.last[position.symbol]
        units = Fraction(position.volume) * Fraction(price.contract_size)
        if position.symbol in ("EURUSD", "GBPUSD", "USDJPY", "EURJPY"):
            return units / leverage * self.rate(price.currency_base, currency)
        return units * Fraction(position.price_open) / leverage * self.rate(price.currency_profit, currency)


def test_profit_and_margin_follow_from_the_prices_that_are_told(minutes) -> None:
    """Move of the price x contract size x lots, in the profit currency, converted by the server's own quotes."""
    _, steps = minutes
    servers: dict[str, Prices] = {}
    compared = 0
    for number, facts in enumerate(steps[1:]):
        for fact in facts:
            if isinstance(fact, PriceReport):
                servers.setdefault(fact.server, Prices()).last[fact.symbol] = fact
        if number % 7:  # exact fractions take their time
            continue
        positions = {account_of(f): f.positions for f in facts if isinstance(f, AccountPositions)}
        for fact in last_accounts(facts):
            if fact.terminal and fact.terminal.connected:
                prices, unit = servers[fact.server], 10 ** DIGITS.get(fact.currency, 2)
                for position in positions[account_of(fact)]:
                    exact = prices.profit(position, fact.currency) * unit
                    assert abs(exact - Fraction(position.profit) * unit) <= Fraction(501, 1000)
                    compared += 1
                margin = sum(prices.margin(p, fact.currency, fact.leverage) for p in positions[account_of(fact)])
                assert abs(margin * unit - Fraction(fact.margin) * unit) <= Fraction(501, 1000)
                if fact.margin:
                    assert fact.margin_level == pytest.approx(100 * fact.equity / fact.margin, abs=0.006)
    assert compared > 2_000


def test_a_stop_loss_closes_beyond_itself_and_a_take_profit_likewise(minutes) -> None:
    _, steps = minutes
    last: dict[tuple[tuple[str, int], int], Position] = {}
    stopped = 0
    for facts in steps:
        for fact in facts:
            if isinstance(fact, DealReport) and fact.deal.reason in ("sl", "tp"):
                held = last.get((fact.account, fact.deal.position_id))
                if held is not None and held.sl and held.comment not in ("Trend Rider", ""):
                    way = 1 if held.type == "buy" else -1
                    level = held.sl if fact.deal.reason == "sl" else held.tp
                    beyond = (fact.deal.price - level) * way
                    assert beyond <= 0 if fact.deal.reason == "sl" else beyond >= 0
                    stopped += 1
            elif isinstance(fact, AccountPositions):
                last |= {(account_of(fact), position.position_id): position for position in fact.positions}
    assert stopped > 50


# -------------------------------------------------------------------------------------------------- one account by hand


def account(currency: str = "USD", leverage: int = 100, netting: bool = False, balance: float = 10_000.0):
    server = TradeServer(BROKERS[0], Market(Random(1)), never_closes=False)
    at(server, MONDAY_MS + 12 * 3_600_000)
    return SimulatedAccount(server, 5, currency, leverage, netting, balance)


def at(server: TradeServer, utc_ms: int) -> None:
    server.move_to(utc_ms)
    server.refresh()


def move(mine: SimulatedAccount, symbol: str, by: float) -> None:
    mine.server._market.prices[symbol] *= 1 + by
    mine.server.refresh()


def deals(mine: SimulatedAccount):
    return [fact.deal for fact in mine.tell_deals()]


def test_swap_is_paid_at_the_brokers_midnight_three_times_on_wednesday_and_not_at_the_weekend() -> None:
    mine = account()
    held = mine.enter(None, "EURUSD", 1, 1.0, "client")
    assert held
    paid = []
    before = held.swap
    for hour in range(7 * 24):
        at(mine.server, MONDAY_MS + 12 * 3_600_000 + hour * 3_600_000)
        mine.roll_over()
        if held.swap != before:
            paid.append(((mine.server.now_msc // 86_400_000 + 4) % 7, round(held.swap - before, 2)))
            assert mine.server.now_msc % 86_400_000 == 0, "midnight on the server's clock"
            before = held.swap
    night = paid[0][1]
    assert night == pytest.approx(-2.4 / 100 / 360 * held.price_open * 100_000, abs=0.01)
    assert [(day, round(amount / night)) for day, amount in paid] == [(2, 1), (3, 1), (4, 3), (5, 1), (6, 1)]
    assert mine.report().equity == round(10_000 + deals(mine)[0].commission + mine.report().profit, 2)


def test_a_partial_close_realises_its_share_of_the_swap() -> None:
    mine = account()
    held = mine.enter(None, "EURUSD", 1, 0.9, "client")
    assert held
    held.swap = -1.0
    mine.leave(held, 0.3, "client")
    mine.leave(held, 0.6, "client")
    assert [deal.swap for deal in deals(mine)] == [0.0, -0.33, -0.67]
    assert mine.held == []


def test_a_reversal_closes_what_was_held_by_one_deal_and_opens_the_rest() -> None:
    mine = account(netting=True)
    held = mine.enter(None, "EURUSD", 1, 0.2, "client")
    assert held
    move(mine, "EURUSD", 0.001)
    profit = mine.profit(held)
    assert mine.reverse(held, 0.1)
    _, turn = deals(mine)
    assert (turn.entry, turn.type, turn.volume, turn.profit) == ("in/out", "sell", 0.3, profit)
    assert (held.direction, held.volume, held.price_open) == (-1, 0.1, held.quote.bid)
    assert turn.position_id == held.identifier != held.ticket


def test_positions_closed_by_each_other_pay_no_spread() -> None:
    mine = account()
    first, second = mine.enter(None, "EURUSD", 1, 0.2, "client"), mine.enter(None, "EURUSD", -1, 0.3, "client")
    assert first
    assert second
    mine.close_by(first, second)
    *_, one, other = deals(mine)
    assert (one.entry, one.type, other.entry, other.type) == ("out by", "sell", "out by", "buy")
    assert (one.volume, other.volume, one.commission, other.profit) == (0.2, 0.2, 0.0, 0.0)
    assert one.profit == round((second.price_open - first.price_open) * 0.2 * 100_000, 2)
    assert [(held.direction, held.volume) for held in mine.held] == [(-1, 0.1)]


def test_an_account_without_margin_enough_opens_nothing_and_is_stopped_out_at_half() -> None:
    mine = account(leverage=500, balance=1000.0)
    assert mine.enter(None, "EURUSD", 1, 10.0, "client") is None
    held = mine.enter(None, "EURUSD", 1, 3.0, "client")
    small = mine.enter(None, "GBPUSD", 1, 0.1, "client")
    assert held
    assert small
    move(mine, "EURUSD", -0.0015)
    mine.stop_out()
    assert held in mine.held, f"margin level {100 * mine.equity() / mine.margin():.0f} %"
    move(mine, "EURUSD", -0.0006)
    mine.stop_out()
    assert mine.held == [small], "what has lost the most goes first"
    assert deals(mine)[-1].reason == "so"


def test_yen_have_no_decimals() -> None:
    mine = account("JPY", 500, balance=1_000_000.0)
    held = mine.enter(None, "EURUSD", 1, 0.37, "client")
    assert held
    move(mine, "EURUSD", 0.00123)
    mine.leave(held, 0.37, "client")
    assert all(amount == round(amount) for deal in deals(mine) for amount in (deal.profit, deal.commission))
    assert mine.balance == round(mine.balance)


def test_adding_to_a_netted_position_averages_its_price() -> None:
    mine = account(netting=True)
    held = mine.enter(None, "EURUSD", 1, 0.1, "client")
    assert held
    first = held.price_open
    move(mine, "EURUSD", 0.001)
    assert mine.enter(None, "EURUSD", 1, 0.3, "client") is held
    assert held.price_open == pytest.approx((first + 3 * held.quote.ask) / 4, abs=1e-8)
    assert held.volume == 0.4
    assert [deal.position_id for deal in deals(mine)] == [held.identifier] * 2


def test_prices_rest_while_a_market_is_closed() -> None:
    fleet = Simulator(7, 12, start_msc=MONDAY_MS - 3 * 86_400_000 + 20 * 3_600_000, pace=MINUTES)  # Friday evening
    list(fleet.before())
    euro, bitcoin = [], []
    for _ in islice(fleet.steps(), 120, 120 + 24 * 60):
        euro.append(fleet.servers[0].quotes["EURUSD"].bid)
        bitcoin.append(fleet.servers[0].quotes["BTCUSD"].bid)
    assert len(set(euro)) == 1
    assert any(one != other for one, other in pairwise(bitcoin))
