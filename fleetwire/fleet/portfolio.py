"""What the experts are doing together: always the sum of the rows that are shown, and never across currencies.

The sums are kept, in whole ten-thousandths so that nothing drifts: a changed expert costs the same in any fleet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fleetwire.fleet.events import Account
from fleetwire.fleet.state import AccountState, ExpertState, Fleet

TOTAL = "total"
"""The key of the row that sums the whole fleet."""
_UNIT = 10_000


class _Part(NamedTuple):
    """What one expert adds to the sums. Money in units of `_UNIT` to one, volumes likewise.

    Args:
        currency: of the money.
        groups: of the breakdown that it belongs to: (dimension, name).
        active: 1, or 0.
        positions: how many are open.
        profit: floating.
        net_profit: closed.
        lots: by symbol; sold below zero.
    """

    currency: str
    groups: tuple[tuple[str, str], ...]
    active: int
    positions: int
    profit: int
    net_profit: int
    lots: dict[str, int]


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

    def row(self) -> dict[str, Any]:
        """Write it."""
        return {
            "eas": self.eas.total(),
            "positions": self.positions,
            "profit": {currency: self.profit[currency] / _UNIT for currency in sorted(self.eas)},
            "net_profit": {currency: self.net_profit[currency] / _UNIT for currency in sorted(self.eas)},
        }


class Portfolio:
    """The portfolio row of a fleet.

    Args:
        fleet: whose accounts are summed; its experts are told of with `changed`.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._parts: dict[int, _Part] = {}
        self._all = _Group()
        self._groups: dict[tuple[str, str], _Group] = defaultdict(_Group)
        self._lots: Counter[str] = Counter()
        self._active = 0
        self._peaks: dict[str, float] = {}  # currency -> the best result so far (equity without deposits)

    def changed(self, expert: ExpertState) -> None:
        """Put an expert's new part in the place of its old one."""
        before, after = self._parts.get(expert.ea_id), _part(expert)
        if before is not None:
            self._add(before, -1)
        self._add(after, 1)
        self._parts[expert.ea_id] = after

    def _add(self, part: _Part, sign: int) -> None:
        self._active += sign * part.active
        self._all.add(part, sign)
        for name in part.groups:
            group = self._groups[name]
            group.add(part, sign)
            if not group.eas:
                del self._groups[name]
        for symbol, lots in part.lots.items():
            self._lots[symbol] += sign * lots
            if not self._lots[symbol]:
                del self._lots[symbol]

    def row(self) -> dict[str, Any]:
        """Write the sums: the data of a `portfolio_update`.

        Money stands at the top only where all accounts share one currency, and always under `by_currency`. Sums are in
        the currency of their accounts, percentages in percent, exposure in lots (sold below zero).
        """
        by_currency = dict(self._by_currency())
        only = next(iter(by_currency.values())) if len(by_currency) == 1 else {}
        first = {name: only[name] for name in ("total_profit",) if only}
        return {
            **first,
            "active_eas": self._active,
            **{name: only[name] for name in only if name not in first},
            "portfolio": TOTAL,
            "total_eas": self._all.eas.total(),
            "total_positions": self._all.positions,
            "exposure_by_symbol": {symbol: lots / _UNIT for symbol, lots in sorted(self._lots.items())},
            "breakdown": {dimension: self._breakdown(dimension) for dimension in ("symbol", "strategy", "account")},
            "by_currency": by_currency,
        }

    def _breakdown(self, dimension: str) -> dict[str, dict[str, Any]]:
        return {name: group.row() for (of, name), group in self._groups.items() if of == dimension}

    def _by_currency(self) -> Iterator[tuple[str, dict[str, Any]]]:
        accounts: dict[str, list[tuple[AccountState, Account]]] = defaultdict(list)
        for state in self._fleet.accounts.values():
            if state.account is not None:
                accounts[state.account.currency].append((state, state.account))
        for currency, of_it in accounts.items():
            yield currency, self._sums(currency, of_it)

    def _sums(self, currency: str, accounts: list[tuple[AccountState, Account]]) -> dict[str, Any]:
        """Sum the accounts of one currency, and their experts."""
        equity = sum(account.equity for _, account in accounts)
        margin = sum(account.margin for _, account in accounts)
        deposits = sum(state.deposits for state, _ in accounts)
        result = equity - deposits
        peak = self._peaks[currency] = max(self._peaks.get(currency, result), result)
        peak_equity = peak + deposits
        sums = {
            "total_profit": self._all.profit[currency] / _UNIT,
            "drawdown_pct": round(100 * (peak - result) / peak_equity, 2) if peak_equity > 0 else 0.0,
            "currency": currency,
            "net_profit": self._all.net_profit[currency] / _UNIT,
            "profit_today": _money(state.profit_today for state, _ in accounts),
            "balance": _money(account.balance for _, account in accounts),
            "equity": round(equity, 2),
            "peak_equity": round(peak_equity, 2),
            "margin": round(margin, 2),
            "margin_free": _money(account.margin_free for _, account in accounts),
        }
        if margin > 0:
            sums["margin_level"] = round(100 * equity / margin, 2)
        return sums


def _money(amounts: Iterable[float]) -> float:
    return round(sum(amounts), 2)


def _part(expert: ExpertState) -> _Part:
    """Work out what an expert adds."""
    who, report = expert.expert, expert.report
    lots: dict[str, int] = {}
    for position in report.positions or ():
        volume = round(position.volume * _UNIT)
        lots[position.symbol] = lots.get(position.symbol, 0) + (volume if position.type == "buy" else -volume)
    return _Part(
        currency=expert.currency,
        groups=(
            ("symbol", who.symbol),
            ("strategy", report.strategy_tag or who.name),
            ("account", f"{who.server}/{who.login}"),
        ),
        active=int(report.status == "active"),
        positions=len(report.positions or ()),
        profit=round(expert.current_profit * _UNIT),
        net_profit=round(expert.statistics.net_profit * _UNIT),
        lots=lots,
    )
