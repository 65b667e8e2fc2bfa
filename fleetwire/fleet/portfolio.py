"""What the experts are doing together: always the sum of the rows that are shown, and never across currencies."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from fleetwire.fleet.events import Account
from fleetwire.fleet.state import AccountId, AccountState, ExpertState, Fleet

TOTAL = "total"
"""The key of the row that sums the whole fleet."""


class Portfolio:
    """The portfolio row of a fleet.

    Args:
        fleet: whose rows are summed.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._peaks: dict[str, float] = {}  # currency -> the best result so far (equity without deposits)

    def row(self) -> dict[str, Any]:
        """Sum the fleet: the data of a `portfolio_update`.

        Money stands at the top only where all accounts share one currency, and always under `by_currency`. Sums are in
        the currency of their accounts, percentages in percent, exposure in lots (sold below zero).
        """
        experts = list(self._fleet.experts.values())
        by_currency = self._by_currency(experts)
        only = next(iter(by_currency.values())) if len(by_currency) == 1 else {}
        first = {name: only[name] for name in ("total_profit",) if only}
        return {
            **first,
            "active_eas": sum(expert.report.status == "active" for expert in experts),
            **{name: only[name] for name in only if name not in first},
            "portfolio": TOTAL,
            "total_eas": len(experts),
            "total_positions": sum(len(expert.report.positions) for expert in experts),
            "exposure_by_symbol": _exposure(experts),
            "breakdown": {
                "symbol": _breakdown(experts, lambda expert: expert.expert.symbol),
                "strategy": _breakdown(experts, lambda expert: expert.report.strategy_tag or expert.expert.name),
                "account": _breakdown(experts, lambda expert: f"{expert.expert.server}/{expert.expert.login}"),
            },
            "by_currency": by_currency,
        }

    def _by_currency(self, experts: Iterable[ExpertState]) -> dict[str, dict[str, Any]]:
        accounts: dict[str, list[tuple[AccountState, Account]]] = defaultdict(list)
        for state in self._fleet.accounts.values():
            if state.account is not None:
                accounts[state.account.currency].append((state, state.account))
        on_account: dict[AccountId, list[ExpertState]] = defaultdict(list)
        for expert in experts:
            on_account[expert.expert.server, expert.expert.login].append(expert)
        return {
            currency: self._sums(currency, of_it, [e for _, a in of_it for e in on_account[a.server, a.login]])
            for currency, of_it in accounts.items()
        }

    def _sums(
        self, currency: str, accounts: list[tuple[AccountState, Account]], experts: list[ExpertState]
    ) -> dict[str, Any]:
        """Sum the accounts of one currency, and their experts."""
        equity = sum(account.equity for _, account in accounts)
        margin = sum(account.margin for _, account in accounts)
        deposits = sum(state.deposits for state, _ in accounts)
        result = equity - deposits
        peak = self._peaks[currency] = max(self._peaks.get(currency, result), result)
        peak_equity = peak + deposits
        sums = {
            "total_profit": _money(expert.current_profit for expert in experts),
            "drawdown_pct": round(100 * (peak - result) / peak_equity, 2) if peak_equity > 0 else 0.0,
            "currency": currency,
            "net_profit": _money(expert.statistics.net_profit for expert in experts),
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


def _exposure(experts: Iterable[ExpertState]) -> dict[str, float]:
    """Add up the open volume by symbol: bought minus sold, in lots."""
    lots: dict[str, float] = defaultdict(float)
    for expert in experts:
        for position in expert.report.positions:
            lots[position.symbol] += position.volume if position.type == "buy" else -position.volume
    return {symbol: round(volume, 2) for symbol, volume in sorted(lots.items())}


def _breakdown(experts: Iterable[ExpertState], group: Callable[[ExpertState], str]) -> dict[str, dict[str, Any]]:
    """Count and sum the experts of each group; the money of each currency by itself."""
    groups: dict[str, dict[str, Any]] = {}
    for expert in experts:
        found = groups.setdefault(group(expert), {"eas": 0, "positions": 0, "profit": {}, "net_profit": {}})
        found["eas"] += 1
        found["positions"] += len(expert.report.positions)
        for name, amount in (("profit", expert.current_profit), ("net_profit", expert.statistics.net_profit)):
            found[name][expert.currency] = round(found[name].get(expert.currency, 0.0) + amount, 2)
    return groups
