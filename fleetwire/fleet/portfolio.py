"""What the experts are doing together: always the sum of the rows that are shown, and never across currencies.

The sums are kept, in whole ten-thousandths so that nothing drifts: a changed expert costs the same in any fleet.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from fleetwire.fleet.account import AccountId, AccountState, account_name
from fleetwire.fleet.events import Position
from fleetwire.fleet.expert import ExpertState
from fleetwire.fleet.market import Market
from fleetwire.fleet.state import Fleet
from fleetwire.wire.rows import Group, Manual, PortfolioRow, Sums

TOTAL: Final = "total"
"""The key of the row that sums the whole fleet."""
_UNIT: Final = 10_000
_LOT_UNIT: Final = 10**8
_DIMENSIONS: Final = ("symbol", "strategy", "account")


class _Exposure(NamedTuple):
    """What open positions add up to: lots in units of `_LOT_UNIT`, money of `_UNIT` to one; sold below zero."""

    lots: dict[str, int]
    money: dict[str, int]


class _Part(NamedTuple):
    """What one expert adds to the sums. Money in units of `_UNIT` to one, volumes likewise.

    Args:
        currency: of the money.
        groups: of the breakdown that it belongs to: (dimension, name).
        active: 1, or 0.
        link: as its row has it.
        positions: how many are open.
        profit: floating.
        net_profit: closed.
        exposure: of its open positions.
    """

    currency: str
    groups: tuple[tuple[str, str], ...]
    active: int
    link: str
    positions: int
    profit: int
    net_profit: int
    exposure: _Exposure

    @property
    def place(self) -> tuple[object, ...]:
        """What it belongs to, whatever it adds."""
        return self.currency, self.groups, self.active, self.link


class _AccountPart(NamedTuple):
    """What one account adds: its figures, and the positions that nobody's expert owns.

    `gain` is what it has earned since it was first seen, `base` its equity without that: an account that joins with ten
    thousand, or with a history, moves no drawdown.
    """

    version: int
    currency: str
    profit_today: float
    daily_result: float
    balance: float
    equity: float
    margin: float
    margin_free: float
    gain: float
    base: float
    manual_positions: int
    manual_profit: int
    manual_exposure: _Exposure


class _Group:
    """The sums of some experts."""

    __slots__ = ("eas", "net_profit", "positions", "profit")

    def __init__(self) -> None:
        self.eas: Counter[str] = Counter()  # by currency, as the money is
        self.positions = 0
        self.profit: Counter[str] = Counter()
        self.net_profit: Counter[str] = Counter()

    def add(self, part: _Part, sign: int) -> None:
        """Add an expert's part, or take it away (`sign` -1)."""
        currency = part.currency
        self.eas[currency] += sign
        self.positions += sign * part.positions
        self.profit[currency] += sign * part.profit
        self.net_profit[currency] += sign * part.net_profit
        if not self.eas[currency]:
            del self.eas[currency], self.profit[currency], self.net_profit[currency]

    def row(self) -> Group:
        """Write it."""
        return Group(
            eas=self.eas.total(),
            positions=self.positions,
            profit={currency: self.profit[currency] / _UNIT for currency in sorted(self.eas)},
            net_profit={currency: self.net_profit[currency] / _UNIT for currency in sorted(self.eas)},
        )


class Portfolio:
    """The portfolio row of a fleet.

    Args:
        fleet: whose accounts are summed; its experts are told of with `changed`.
        convert_to: the currency in which everything is summed once more, where there are rates; empty for none.
    """

    def __init__(self, fleet: Fleet, convert_to: str = "") -> None:
        self._fleet = fleet
        self._convert_to = convert_to
        self._parts: dict[int, _Part] = {}
        self._all = _Group()
        self._groups: dict[tuple[str, str], _Group] = defaultdict(_Group)
        self._links: Counter[str] = Counter()
        self._lots: Counter[str] = Counter()
        self._money: Counter[str] = Counter()
        self._active = 0
        self._accounts: dict[AccountId, _AccountPart] = {}
        self.peaks: dict[str, float] = {}  # currency -> the best sum of gains so far

    # ------------------------------------------------------------------------------------------------------------ parts

    def changed(self, expert: ExpertState) -> None:
        """Put an expert's new part in the place of its old one."""
        before, after = self._parts.get(expert.ea_id), _part(expert, self._fleet.market)
        if before == after:
            return
        self._parts[expert.ea_id] = after
        if before is not None and before.place == after.place:
            self._shift(before, after)
            return
        if before is not None:
            self._add(before, -1)
        self._add(after, 1)

    def _shift(self, before: _Part, after: _Part) -> None:
        """Move the sums of those that an expert stays one of."""
        positions, profit = after.positions - before.positions, after.profit - before.profit
        net_profit, currency = after.net_profit - before.net_profit, after.currency
        for group in (self._all, *(self._groups[name] for name in after.groups)):
            group.positions += positions
            group.profit[currency] += profit
            group.net_profit[currency] += net_profit
        if before.exposure != after.exposure:
            self._expose(before.exposure, -1)
            self._expose(after.exposure, 1)

    def _add(self, part: _Part, sign: int) -> None:
        self._active += sign * part.active
        self._all.add(part, sign)
        for name in part.groups:
            group = self._groups[name]
            group.add(part, sign)
            if not group.eas:
                del self._groups[name]
        _add_to(self._links, {part.link: 1}, sign)
        self._expose(part.exposure, sign)

    def _expose(self, exposure: _Exposure, sign: int) -> None:
        _add_to(self._lots, exposure.lots, sign)
        _add_to(self._money, exposure.money, sign)

    def _account_parts(self) -> list[_AccountPart]:
        """Bring the parts of accounts up to date; those that did not change cost nothing."""
        for place, state in self._fleet.accounts.items():
            before = self._accounts.get(place)
            if before is None or before.version != state.version:
                if before is not None:
                    self._expose(before.manual_exposure, -1)
                after = self._accounts[place] = _account_part(state, self._fleet.market)
                self._expose(after.manual_exposure, 1)
        return list(self._accounts.values())

    # -------------------------------------------------------------------------------------------------------------- row

    def row(self, trading_blocked: Collection[str] = ()) -> PortfolioRow:
        """Write the sums: the data of a `portfolio_update`.

        Args:
            trading_blocked: symbols inside a news blackout.
        """
        accounts = self._account_parts()
        by_currency = {}
        for currency in dict.fromkeys(part.currency for part in accounts if part.currency):
            by_currency[currency] = self._sums(currency, [part for part in accounts if part.currency == currency])
        is_one = len(by_currency) == 1 and not self._all.eas[""]  # "" is the currency of who has not told his account
        only = next(iter(by_currency.values())) if is_one else None
        top = {name: getattr(only, name) for name in only.__struct_fields__} if only is not None else {}
        return PortfolioRow(
            **top,
            active_eas=self._active,
            portfolio=TOTAL,
            total_eas=self._all.eas.total(),
            total_positions=self._all.positions,
            links={link: self._links[link] for link in ("fresh", "late", "stale", "lost")},
            exposure_by_symbol={symbol: lots / _LOT_UNIT for symbol, lots in sorted(self._lots.items())},
            exposure_by_currency={currency: units / _UNIT for currency, units in sorted(self._money.items())},
            breakdown={dimension: self._breakdown(dimension) for dimension in _DIMENSIONS},
            by_currency=by_currency,
            converted=self._converted(by_currency),
            manual=_manual(accounts),
            trading_blocked=sorted(trading_blocked),
        )

    def _breakdown(self, dimension: str) -> dict[str, Group]:
        return {name: group.row() for (of, name), group in self._groups.items() if of == dimension}

    def _sums(self, currency: str, accounts: list[_AccountPart]) -> Sums:
        """Sum the accounts of one currency, and their experts."""
        equity = sum(part.equity for part in accounts)
        margin = sum(part.margin for part in accounts)
        gain = sum(part.gain for part in accounts)
        peak = self.peaks[currency] = max(self.peaks.get(currency, gain), gain)
        peak_equity = peak + sum(part.base for part in accounts)
        return Sums(
            total_profit=self._all.profit[currency] / _UNIT,
            drawdown_pct=round(100 * (peak - gain) / peak_equity, 2) if peak_equity > 0 else 0.0,
            currency=currency,
            net_profit=self._all.net_profit[currency] / _UNIT,
            profit_today=_money(part.profit_today for part in accounts),
            daily_result=_money(part.daily_result for part in accounts),
            balance=_money(part.balance for part in accounts),
            equity=round(equity, 2),
            peak_equity=round(peak_equity, 2),
            margin=round(margin, 2),
            margin_free=_money(part.margin_free for part in accounts),
            margin_level=round(100 * equity / margin, 2) if margin > 0 else None,
        )

    def _converted(self, by_currency: dict[str, Sums]) -> Sums | None:
        """Sum all currencies in one, by the rates of a source; None where one of them is not known."""
        target = self._convert_to
        if not target or not by_currency:
            return None
        rates = {currency: self._fleet.market.rate(currency, target) for currency in by_currency}
        sums: dict[str, float] = defaultdict(float)
        fall = 0.0
        for currency, of_it in by_currency.items():
            rate = rates[currency]
            if rate is None:
                return None
            for name in _CONVERTED:
                sums[name] += rate * getattr(of_it, name)
            fall += rate * of_it.peak_equity * of_it.drawdown_pct / 100
        peak, margin = sums["peak_equity"], sums["margin"]
        return Sums(
            currency=target,
            drawdown_pct=round(100 * fall / peak, 2) if peak > 0 else 0.0,
            margin_level=round(100 * sums["equity"] / margin, 2) if margin > 0 else None,
            **{name: round(sums[name], 2) for name in _CONVERTED},
        )


_CONVERTED: Final = (
    "total_profit",
    "net_profit",
    "profit_today",
    "daily_result",
    "balance",
    "equity",
    "peak_equity",
    "margin",
    "margin_free",
)


def _money(amounts: Iterable[float]) -> float:
    return round(sum(amounts), 2)


def _add_to(sums: Counter[str], amounts: dict[str, int], sign: int) -> None:
    for name, amount in amounts.items():
        sums[name] += sign * amount
        if not sums[name]:
            del sums[name]


def _part(expert: ExpertState, market: Market) -> _Part:
    """Work out what an expert adds."""
    who, report = expert.expert, expert.report
    return _Part(
        currency=expert.account.currency,
        groups=(
            ("symbol", who.symbol),
            ("strategy", report.strategy_tag or who.name),
            ("account", account_name(expert.account.id)),
        ),
        active=int(expert.status == "active"),
        link=expert.pulse.link.value,
        positions=len(expert.positions),
        profit=round(expert.current_profit * _UNIT),
        net_profit=round(expert.net_profit * _UNIT),
        exposure=_exposure(who.server, expert.positions.values(), market),
    )


def _account_part(state: AccountState, market: Market) -> _AccountPart:
    """Work out what an account adds."""
    account, book = state.account, state.book
    manual = state.manual.values()
    return _AccountPart(
        version=state.version,
        currency=state.currency,
        profit_today=book.profit_today,
        daily_result=book.daily_result,
        balance=account.balance if account else 0.0,
        equity=account.equity if account else 0.0,
        margin=account.margin if account else 0.0,
        margin_free=account.margin_free if account else 0.0,
        gain=book.result - book.earned_before,
        base=(book.sound.cash if book.sound is not None else 0.0) + book.earned_before,
        manual_positions=len(manual),
        manual_profit=round(sum((position.profit + position.swap for position in manual), 0.0) * _UNIT),
        manual_exposure=_exposure(state.id[0], manual, market),
    )


def exposure_of(server: str, position: Position, market: Market) -> dict[str, float] | None:
    """Tell what a position adds to each currency, in units of it; None where it is not known what its symbol is."""
    money = _exposure(server, (position,), market).money
    return {currency: units / _UNIT for currency, units in sorted(money.items())} or None


def _exposure(server: str, positions: Iterable[Position], market: Market) -> _Exposure:
    """Add up positions: lots by symbol, and units by currency where the symbol's size and currencies are known."""
    lots: dict[str, int] = {}
    money: dict[str, int] = {}
    for position in positions:
        direction = 1 if position.type == "buy" else -1
        lots[position.symbol] = lots.get(position.symbol, 0) + direction * round(position.volume * _LOT_UNIT)
        symbol = market.symbol(server, position.symbol)
        if symbol is None or not (symbol.contract_size and symbol.currency_base and symbol.currency_profit):
            continue
        units = direction * position.volume * symbol.contract_size
        if symbol.currency_base != symbol.currency_profit:
            money[symbol.currency_base] = money.get(symbol.currency_base, 0) + round(units * _UNIT)
        price = position.price_current or position.price_open
        paid = -1 if symbol.currency_base != symbol.currency_profit else 1
        amount = paid * round(units * price * _UNIT)
        money[symbol.currency_profit] = money.get(symbol.currency_profit, 0) + amount
    return _Exposure(lots, money)


def _manual(accounts: list[_AccountPart]) -> Manual | None:
    """Sum the positions that no expert owns; None where there are none."""
    having = [part for part in accounts if part.manual_positions]
    if not having:
        return None
    profit: Counter[str] = Counter()
    for part in having:
        profit[part.currency] += part.manual_profit
    return Manual(
        positions=sum(part.manual_positions for part in having),
        profit={currency: amount / _UNIT for currency, amount in sorted(profit.items())},
    )
