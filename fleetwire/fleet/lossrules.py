"""The loss limits that prop firms set: how much of each is used, and what is left before it is broken.

Two limits, each in money or in percent of the money that the account began with:

- **daily loss**: how far the equity may fall below what the day began with at the broker's midnight: the balance, the
  equity, or the higher of the two, as the firm has it.
- **maximum loss**: how far the equity may fall below the money that the account began with; or, *trailing*, below its
  best equity. Some firms let the trail end once the floor has risen to what the account began with, or a profit above.

What is paid in or out moves what is measured from, never the loss.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Amount = Annotated[float, Meta(gt=0, le=1e15)]
Percent = Annotated[float, Meta(gt=0, le=100)]

ANY_ACCOUNT: Final = "*"
LIMIT_FIGURES: Final = tuple(
    f"{limit}_{figure}"
    for limit in ("daily_loss", "max_loss")
    for figure in ("max", "used", "used_pct", "headroom", "headroom_pct", "floor")
)
"""The names in `AccountRow.limits`: money in the account's currency, `_pct` in percent of the limit's `_max`.

`_max` is what may be lost, `_used` what is, `_headroom` what is left (below zero once it is broken), and `_floor` the
equity at which it is broken.
"""


class LossLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account may lose: a `[[limit]]` of the rules file.

    Args:
        account: "Server/login", or "*" for every account that has none of its own.
        max_daily_loss: money that may be lost in a day.
        max_daily_loss_pct: the same, in percent of the `daily_pct_of`.
        daily_pct_of: `initial` (the money that the account began with) or `day_open` (what the day began with).
        measured_from: what the day began with at the broker's midnight: `balance`, `equity`, or the `higher` of them.
        max_loss: money that may be lost in all.
        max_loss_pct: the same, in percent of the money that the account began with.
        trailing: measure the maximum loss from the best equity, not from the money that the account began with.
        until_profit: the trail ends once the floor stands at the initial balance and this much above; None: never.
        initial_balance: the money that the account began with, where the fleet's own figure is not the firm's.
    """

    account: Annotated[str, Meta(min_length=1, max_length=160)]
    max_daily_loss: Amount | None = None
    max_daily_loss_pct: Percent | None = None
    daily_pct_of: Literal["initial", "day_open"] = "initial"
    measured_from: Literal["balance", "equity", "higher"] = "balance"
    max_loss: Amount | None = None
    max_loss_pct: Percent | None = None
    trailing: bool = False
    until_profit: Annotated[float, Meta(ge=0, le=1e15)] | None = None
    initial_balance: Amount | None = None


class LossFigures(Struct, frozen=True, kw_only=True):
    """What is known of an account; money in its currency.

    Args:
        balance: now.
        equity: now.
        day_open_balance: at the broker's last midnight, credit included.
        day_open_equity: at the broker's last midnight.
        initial_balance: what the account began with.
        peak_equity: the best equity so far, moved by what was paid in or out since (as `AccountRow.peak_equity`).
        deposits: paid in, less what was paid out, since the account began; the initial money not included.
        deposits_today: the same since the broker's midnight.
    """

    balance: float
    equity: float
    day_open_balance: float
    day_open_equity: float
    initial_balance: float
    peak_equity: float
    deposits: float = 0.0
    deposits_today: float = 0.0


class LossLimits:
    """The limits of all accounts.

    Args:
        limits: one for an account at most; the one for "*" is for all others.
    """

    def __init__(self, limits: Sequence[LossLimit] = ()) -> None:
        self._by_account = {limit.account: limit for limit in limits}

    def __len__(self) -> int:
        """Count them."""
        return len(self._by_account)

    def __iter__(self) -> Iterator[LossLimit]:
        """Go through them."""
        return iter(self._by_account.values())

    def of(self, account: str) -> LossLimit | None:
        """Give the limit of an account ("Server/login"); None where there is none for it."""
        return self._by_account.get(account) or self._by_account.get(ANY_ACCOUNT)

    def figures(self, account: str, known: LossFigures) -> dict[str, float] | None:
        """Work out what is used of an account's limits: `AccountRow.limits`; None where it has none.

        Args:
            account: "Server/login".
            known: what is known of it.
        """
        limit = self.of(account)
        if limit is None:
            return None
        began_with = limit.initial_balance if limit.initial_balance is not None else known.initial_balance
        return {**_daily(limit, known, began_with), **_total(limit, known, began_with)}


def _daily(limit: LossLimit, known: LossFigures, began_with: float) -> dict[str, float]:
    opened = {
        "balance": known.day_open_balance,
        "equity": known.day_open_equity,
        "higher": max(known.day_open_balance, known.day_open_equity),
    }[limit.measured_from]
    percent_of = began_with if limit.daily_pct_of == "initial" else opened
    allowed = _allowed(limit.max_daily_loss, limit.max_daily_loss_pct, percent_of)
    if allowed is None:
        return {}
    return _used("daily_loss", allowed, opened + known.deposits_today - allowed, known.equity)


def _total(limit: LossLimit, known: LossFigures, began_with: float) -> dict[str, float]:
    allowed = _allowed(limit.max_loss, limit.max_loss_pct, began_with)
    if allowed is None:
        return {}
    start = began_with + known.deposits
    floor = (max(known.peak_equity, start) if limit.trailing else start) - allowed
    if limit.trailing and limit.until_profit is not None:
        floor = min(floor, start + limit.until_profit)
    return _used("max_loss", allowed, floor, known.equity)


def _allowed(money: float | None, percent: float | None, of: float) -> float | None:
    """Give what may be lost; None where it is not limited, or of nothing."""
    allowed = money if money is not None else of * percent / 100 if percent is not None else None
    return allowed if allowed is not None and allowed > 0 else None


def _used(name: str, allowed: float, floor: float, equity: float) -> dict[str, float]:
    headroom = equity - floor
    used = max(0.0, allowed - headroom)
    return {
        f"{name}_max": round(allowed, 2),
        f"{name}_used": round(used, 2),
        f"{name}_used_pct": round(100 * used / allowed, 2),
        f"{name}_headroom": round(headroom, 2),
        f"{name}_headroom_pct": round(100 * headroom / allowed, 2),
        f"{name}_floor": round(floor, 2),
    }
