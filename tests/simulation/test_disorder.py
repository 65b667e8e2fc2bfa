"""The same history gives the same figures, and the oracle's, in whatever order and pieces it is told."""

from random import Random

import pytest

from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, Fact, Terminal
from fleetwire.fleet.rows import account_row, expert_row
from fleetwire.fleet.state import Fleet
from fleetwire.wire.moment import moment
from tests.simulation import oracle

NOW_MS = 1_795_440_600_000
OFFSET_S = 9000  # half an hour beside a whole one
DAY_MS = 86_400_000
TREND = ExpertId("Demo", 5, 7, "EURUSD", "Trend")
GRID = ExpertId("Demo", 5, 7, "USDJPY", "Grid")
PLACE = ("Demo", 5)
NO_TRADE = ("balance", "credit", "correction", "bonus", "commission", "charge", "dividend", "tax")


class History:
    """Makes deals as a trade server does: hedged or netted, with everything that may happen to a position."""

    def __init__(self, seed: int, *, netting: bool) -> None:
        self.random = Random(seed)
        self.netting = netting
        self.deals: list[Deal] = []
        self.owners: dict[int, ExpertId | None] = {}  # by ticket
        self._open: dict[int, tuple[ExpertId | None, str, int]] = {}  # by position: whose, its side, hundredths of lots
        self._time = NOW_MS + OFFSET_S * 1000 - 3 * DAY_MS

    def make(self, count: int) -> "History":
        self._deal("balance", "", None, profit=10_000.0)
        while len(self.deals) < count:
            self.random.choice([self._enter, self._add, self._leave, self._leave, self._turn, self._by, self._pay])()
        return self

    def _deal(
        self, kind: str, entry: str, owner: ExpertId | None, position: int = 0, lots: int = 0, **more: float
    ) -> None:
        self._time += self.random.choice((0, 1, 60_000, 1_800_000))
        magic = 0 if owner is None or (entry != "in" and self.random.random() < 0.3) else owner.magic
        made = Deal(
            ticket=len(self.deals) + 1,
            time_msc=min(self._time, NOW_MS + OFFSET_S * 1000),
            type=kind,
            entry=entry,
            magic=magic,
            position_id=position,
            volume=lots / 100,
            symbol=(owner.symbol if owner else "XAUUSD") if entry else "",
            commission=-0.07 * lots if entry == "in" else 0.0,
            swap=-0.11 if entry == "out" else 0.0,
            **more,
        )
        self.deals.append(made)
        self.owners[made.ticket] = owner if entry else None

    def _result(self) -> float:
        return self.random.randint(-20_000, 20_000) / 100

    def _enter(self) -> None:
        owner = self.random.choice([TREND, GRID, None])
        if self.netting and any(held[0] is owner for held in self._open.values()):
            return
        position, lots, side = 1000 + len(self.deals), self.random.randint(1, 100), self.random.choice(("buy", "sell"))
        self._open[position] = (owner, side, lots)
        self._deal(side, "in", owner, position, lots)

    def _add(self) -> None:
        if self.netting and self._open:
            position, (owner, side, lots) = self.random.choice([*self._open.items()])
            more = self.random.randint(1, 50)
            self._open[position] = (owner, side, lots + more)
            self._deal(side, "in", owner, position, more)

    def _close(self, position: int, lots: int, entry: str) -> None:
        owner, side, held = self._open.pop(position)
        if lots < held:
            self._open[position] = (owner, side, held - lots)
        self._deal("sell" if side == "buy" else "buy", entry, owner, position, lots, profit=self._result())

    def _leave(self) -> None:
        if self._open:
            position = self.random.choice([*self._open])
            held = self._open[position][2]
            self._close(position, held if self.random.random() < 0.5 else self.random.randint(1, held), "out")

    def _turn(self) -> None:
        if self.netting and self._open:
            position, (owner, side, lots) = self.random.choice([*self._open.items()])
            more, other = self.random.randint(1, 50), "sell" if side == "buy" else "buy"
            self._open[position] = (owner, other, more)
            self._deal(other, "in/out", owner, position, lots + more, profit=self._result())

    def _by(self) -> None:
        bought = [position for position, held in self._open.items() if held[1] == "buy"]
        sold = [position for position, held in self._open.items() if held[1] == "sell"]
        pairs = [(one, other) for one in bought for other in sold if self._open[one][0] is self._open[other][0]]
        if not self.netting and pairs:
            one, other = self.random.choice(pairs)
            lots = min(self._open[one][2], self._open[other][2])
            self._close(one, lots, "out by")
            self._close(other, lots, "out by")

    def _pay(self) -> None:
        self._deal(self.random.choice(NO_TRADE), "", None, profit=self.random.randint(-5000, 5000) / 100)

    @property
    def account(self) -> Account:
        balance = float(oracle.balance_of(self.deals, 0.0))
        credit = float(sum(oracle.amount_of(deal) for deal in self.deals if deal.type == "credit"))
        clock = Terminal(time_msc=NOW_MS + OFFSET_S * 1000, time_gmt_msc=NOW_MS)
        return Account(
            server="Demo",
            login=5,
            currency="USD",
            balance=balance,
            credit=credit,
            equity=balance + credit,
            terminal=clock,
        )

    def told(self, deal: Deal) -> DealReport:
        """By the account, or by the expert whose it is."""
        owner = self.owners[deal.ticket]
        by_expert = owner is not None and self.random.random() < 0.5
        return DealReport(expert=owner, deal=deal) if by_expert else DealReport(server="Demo", login=5, deal=deal)


def tell_in_disorder(history: History) -> Fleet:
    """Everything once or twice, in any order and in pieces; experts and the account somewhere between."""
    random, fleet = history.random, Fleet()
    facts: list[Fact] = [history.told(deal) for deal in history.deals]
    facts += random.sample(facts, len(facts) // 4)
    if random.random() < 0.5:
        random.shuffle(facts)
    else:
        facts.reverse()
    for early in (ExpertReport(expert=TREND), ExpertReport(expert=GRID), history.account):
        facts.insert(random.randint(0, len(facts)), early)
    seconds = 0.0
    while facts:
        piece = random.randint(1, 40)
        seconds += 1.0
        at = moment(1000.0 + seconds, NOW_MS)
        for fact in facts[:piece]:
            fleet.apply(fact, at)
        fleet.due(at)
        fleet.settle(at)
        del facts[:piece]
    for second in (1, 2):
        at = moment(1000.0 + seconds + second, NOW_MS)
        fleet.apply(history.account, at)
        fleet.settle(at)
    return fleet


@pytest.mark.parametrize("netting", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_a_history_that_is_told_in_any_order_gives_the_figures_of_the_oracle(seed: int, netting: bool) -> None:
    history = History(seed, netting=netting).make(120)
    fleet = tell_in_disorder(history)
    state, deals, at = fleet.accounts[PLACE], history.deals, moment(1000.0, NOW_MS)
    assert not oracle.differences(state.series.statistics.metrics(), oracle.figures(deals))
    assert not oracle.differences(fleet.currencies["USD"].statistics.metrics(), oracle.figures(deals))
    by_id = {each.expert: each for each in fleet.experts.values()}
    for who in (TREND, GRID):
        its = [deal for deal in deals if history.owners[deal.ticket] is who]
        expert = by_id[who]
        assert [one.ticket for one in expert.series.deals] == [one.ticket for one in oracle.in_order(its)]
        began_with = 10_000.0  # the account's deposit, which is nobody's
        assert not oracle.differences(expert.series.statistics.metrics(), oracle.figures(its, began_with)), who
    row = account_row(fleet, state, {})
    assert row is not None
    costs = [deal for deal in deals if deal.type in NO_TRADE[4:]]
    paid = oracle.paid_of(deals) - oracle.paid_of(costs)
    assert row.deposits == pytest.approx(float(paid), abs=0.006)
    assert (state.book.opening, state.book.initial_balance) == (0.0, 10_000.0)
    today = (NOW_MS + OFFSET_S * 1000) // DAY_MS
    of_today = [deal for deal in deals if deal.time_msc // DAY_MS == today]
    earned = float(sum(oracle.amount_of(d) for d in of_today if d.type not in NO_TRADE[:4]))
    assert row.profit_today == pytest.approx(earned, abs=0.006)
    assert row.daily_result == pytest.approx(earned, abs=0.006)
    for trade in oracle.trades_of(deals).values():
        left = state.left_of(trade.position_id)
        assert left is not None
        assert abs(left) == pytest.approx(float(trade.volume_in - trade.volume_out))
    told = [expert_row(fleet, each, at).profit_today for each in fleet.experts.values()]
    assert sum(told) == pytest.approx(
        float(sum(oracle.amount_of(d) for d in of_today if history.owners[d.ticket])), abs=0.006
    )
