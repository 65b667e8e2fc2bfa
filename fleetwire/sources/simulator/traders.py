"""The simulated accounts and experts."""

from collections.abc import Iterator
from random import Random

from msgspec import Struct, structs

from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, Position
from fleetwire.sources.simulator.market import Symbol

_COMMISSION_PER_LOT = -3.5
_LEVERAGE = 100


class Strategy(Struct, frozen=True):
    """How an expert trades.

    Args:
        name: for people.
        timeframe: of its chart.
        entry_chance: of opening a position, in one second.
        positions_max: open at once.
        stop: distance of the stop loss, as a part of the price.
        reward: distance of the take profit, in stops.
    """

    name: str
    timeframe: str
    entry_chance: float
    positions_max: int
    stop: float
    reward: float


STRATEGIES = (
    Strategy("London Breakout", "M15", 0.03, 1, 4e-4, 2.0),
    Strategy("Grid", "M5", 0.10, 5, 9e-4, 0.5),
    Strategy("Trend Rider", "H1", 0.02, 2, 8e-4, 3.0),
    Strategy("Mean Reversion", "M5", 0.06, 2, 3e-4, 1.0),
    Strategy("Night Scalper", "M1", 0.15, 1, 1.5e-4, 1.2),
)


class SimulatedAccount:
    """One account, and the tickets of its deals.

    Args:
        server: MetaTrader's trade server.
        login: the account's number.
        balance: in USD, at the beginning.
    """

    def __init__(self, server: str, login: int, balance: float) -> None:
        self.server = server
        self.login = login
        self.balance = balance
        self._deposit = balance
        self.ticket = 0
        self.experts: list[SimulatedExpert] = []

    def next_ticket(self) -> int:
        """Number the next deal."""
        self.ticket += 1
        return self.ticket

    def refill(self, now_msc: int) -> Iterator[DealReport]:
        """Pay in once more when nearly everything is lost."""
        if self.balance > self._deposit / 5:
            return
        self.balance = round(self.balance + self._deposit, 2)
        deal = Deal(
            ticket=self.next_ticket(), time_msc=now_msc, type="balance", profit=self._deposit, comment="deposit"
        )
        yield DealReport(expert=self.experts[0].expert, ea_id=self.experts[0].ea_id, deal=deal)

    def report(self) -> Account:
        """Say what its terminal would."""
        profit = sum(expert.floating() for expert in self.experts)
        margin = sum(expert.margin() for expert in self.experts)
        equity = self.balance + profit
        return Account(
            server=self.server,
            login=self.login,
            company="Simulated Markets",
            currency="USD",
            leverage=_LEVERAGE,
            balance=round(self.balance, 2),
            profit=round(profit, 2),
            equity=round(equity, 2),
            margin=round(margin, 2),
            margin_free=round(equity - margin, 2),
            margin_level=round(100 * equity / margin, 2) if margin else None,
        )


class SimulatedExpert:
    """One expert on one account.

    Args:
        account: where it trades.
        magic: stamps its orders.
        symbol: what it trades.
        strategy: how.
        boldness: multiplies its volumes.
        random: decides.
    """

    def __init__(
        self,
        account: SimulatedAccount,
        magic: int,
        symbol: Symbol,
        strategy: Strategy,
        boldness: float,
        random: Random,
    ) -> None:
        self._account = account
        self._symbol = symbol
        self._strategy = strategy
        self._boldness = boldness
        self._random = random
        self._positions: list[Position] = []
        self.expert = ExpertId(account.server, account.login, magic, symbol.name, strategy.name)
        self.ea_id = magic
        self.paused = False
        account.experts.append(self)

    def floating(self) -> float:
        """Sum the result of what is open, in USD."""
        return sum(position.profit for position in self._positions)

    def margin(self) -> float:
        """Sum the margin of what is open, in USD."""
        return sum(self._symbol.worth(position.volume) for position in self._positions) / _LEVERAGE

    def history(self, until_msc: int, trades: int) -> Iterator[DealReport]:
        """Make up closed trades, the newest an hour before `until_msc`."""
        for number in range(trades, 0, -1):
            opened = until_msc - number * 3_600_000 - self._random.randrange(1_800_000)
            side, volume = self._random.choice(("buy", "sell")), self._volume()
            stop = self._symbol.price * self._strategy.stop
            won = self._random.random() < 1.15 / (1 + self._strategy.reward)
            move = stop * (self._strategy.reward if won else -1.0) * self._random.uniform(0.6, 1.1)
            position = self._position(side, volume, opened)
            closes_at = position.price_open + (move if side == "buy" else -move)
            yield self._deal(position, "in", position.price_open, opened, 0.0)
            closed_msc = opened + self._random.randrange(60_000, 1_700_000)
            yield self._deal(position, "out", closes_at, closed_msc, self._symbol.money(move, volume))

    def trade(self, now_msc: int) -> Iterator[DealReport]:
        """Live for a second: follow the price, close what has reached its end, maybe open something."""
        still_open: list[Position] = []
        for position in self._positions:
            position = self._at_market(position)
            if self._is_over(position):
                yield self._deal(position, "out", position.price_current, now_msc, position.profit)
            else:
                still_open.append(position)
        self._positions = still_open
        wants_in = self._random.random() < self._strategy.entry_chance
        if wants_in and not self.paused and len(self._positions) < self._strategy.positions_max:
            side = self._random.choice(("buy", "sell"))
            position = self._position(side, self._volume(), now_msc)
            self._positions.append(position)
            yield self._deal(position, "in", position.price_open, now_msc, 0.0)

    def report(self) -> ExpertReport:
        """Say what the expert would on its timer."""
        return ExpertReport(
            expert=self.expert,
            ea_id=self.ea_id,
            status="paused" if self.paused else "active",
            strategy_tag=self._strategy.name,
            timeframe=self._strategy.timeframe,
            positions=tuple(self._positions),
            trailing_active=self._strategy.reward > 2,
            module_status={"signal": "ok", "risk": "ok", "news_filter": "ok"},
            paused=self.paused,
        )

    def _volume(self) -> float:
        return round(self._random.choice((0.05, 0.1, 0.1, 0.2, 0.3)) * self._boldness, 2)

    def _position(self, side: str, volume: float, now_msc: int) -> Position:
        price, away = self._symbol.price, self._symbol.price * self._strategy.stop
        direction = 1 if side == "buy" else -1
        ticket = self._account.next_ticket()
        return Position(
            ticket=ticket,
            identifier=ticket,
            time_msc=now_msc,
            type=side,
            magic=self.expert.magic,
            volume=volume,
            price_open=price,
            price_current=price,
            sl=round(price - direction * away, self._symbol.digits),
            tp=round(price + direction * away * self._strategy.reward, self._symbol.digits),
            symbol=self._symbol.name,
            comment=self._strategy.name,
        )

    def _at_market(self, position: Position) -> Position:
        price = self._symbol.price
        move = price - position.price_open if position.type == "buy" else position.price_open - price
        profit = round(self._symbol.money(move, position.volume), 2)
        return structs.replace(position, price_current=price, profit=profit)

    @staticmethod
    def _is_over(position: Position) -> bool:
        low, high = sorted((position.sl, position.tp))
        return not low < position.price_current < high

    def _deal(self, position: Position, entry: str, price: float, now_msc: int, profit: float) -> DealReport:
        """Book a deal on the account."""
        closes = entry == "out"
        side = position.type if not closes else {"buy": "sell", "sell": "buy"}[position.type]
        ticket = self._account.next_ticket() if closes else position.ticket
        commission = round(_COMMISSION_PER_LOT * position.volume, 2)
        profit = round(profit, 2)
        self._account.balance = round(self._account.balance + profit + commission, 2)
        deal = Deal(
            ticket=ticket,
            order=ticket,
            time_msc=now_msc,
            type=side,
            entry=entry,
            magic=self.expert.magic,
            position_id=position.ticket,
            volume=position.volume,
            price=round(price, self._symbol.digits),
            commission=commission,
            profit=profit,
            symbol=self._symbol.name,
            comment=self._strategy.name,
        )
        return DealReport(expert=self.expert, ea_id=self.ea_id, deal=deal)
