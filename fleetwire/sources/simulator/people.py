"""What people do to the simulated accounts: pay in and out, trade by hand, interfere with experts."""

from math import exp
from random import Random
from typing import Final

from fleetwire.sources.simulator.account import Held, SimulatedAccount
from fleetwire.sources.simulator.market import SYMBOLS

_PAYS_S: Final = 40_000.0  # once in so many seconds of the market's life
_OPENS_S: Final = 15_000.0
_CLOSES_S: Final = 12_000.0
_GAMBLES_S: Final = 60_000.0
_BY_HAND_MAX: Final = 2
_BROKE: Final = 0.35  # of the first balance: more is paid in
_STOP: Final = 25e-4
_GAMBLE_LEVERAGE: Final = 400  # who has so much of it is tempted


class Person:
    """The owner of an account.

    Args:
        account: the account.
        random: decides.
    """

    def __init__(self, account: SimulatedAccount, random: Random) -> None:
        self._account = account
        self._random = random

    def act(self, seconds: float) -> None:
        """Do, or leave undone, what may happen in some seconds."""
        account = self._account
        if account.balance < account.opening_balance * _BROKE:
            account.pay("balance", account.opening_balance, "deposit")
        elif self._happens(seconds, _PAYS_S):
            self._pay()
        account.watch_stops(None)
        if not account.connected or account.down:
            return
        if self._happens(seconds, _CLOSES_S):
            self._close()
        if account.netting:
            return  # by hand, it would become part of an expert's position
        if self._happens(seconds, _OPENS_S) and len(self._by_hand()) < _BY_HAND_MAX:
            self._open(account.lots("EURUSD", 0.5))
        if account.leverage >= _GAMBLE_LEVERAGE and self._happens(seconds, _GAMBLES_S):
            self._gamble()

    def _happens(self, seconds: float, once_in_s: float) -> bool:
        return self._random.random() < 1 - exp(-seconds / once_in_s)

    def _by_hand(self) -> list[Held]:
        return [held for held in self._account.held if held.owner is None]

    def _pay(self) -> None:
        account, part = self._account, self._random.choice((0.05, 0.1, 0.2, -0.05, -0.1))
        amount = round(account.opening_balance * part, account.digits)
        if self._random.random() < 0.15:  # a bonus, or its end
            account.pay("credit", -account.credit if account.credit else abs(amount), "bonus")
        elif amount > 0 or account.margin_free() + 2 * amount > 0:
            account.pay("balance", amount, "deposit" if amount > 0 else "withdrawal")

    def _close(self) -> None:
        """Close one position by hand, an expert's or not: the deal bears no magic."""
        trading = [held for held in self._account.held if held.quote.is_open]
        if trading:
            held = self._random.choice(trading)
            self._account.leave(held, held.volume, "client")

    def _open(self, volume: float) -> Held | None:
        symbol = self._random.choice(SYMBOLS[:3]).name
        quote = self._account.server.quotes[symbol]
        if not quote.is_open:
            return None
        direction = self._random.choice((-1, 1))
        held = self._account.enter(None, symbol, direction, volume, "client")
        if held is not None:
            away = held.price_open * _STOP
            held.sl = round(held.price_open - direction * away, quote.symbol.digits)
            held.tp = round(held.price_open + direction * away, quote.symbol.digits)
        return held

    def _gamble(self) -> None:
        """Buy or sell as much as there is money for, without a stop loss: few such bets end well."""
        account = self._account
        quote = account.server.quotes["EURUSD"]
        one = account.lots("EURUSD", account.leverage * 0.8 * max(0.0, account.margin_free()) / account.balance)
        if quote.is_open:
            direction = self._random.choice((-1, 1))
            held = account.enter(None, "EURUSD", direction, one, "client")
            if held is not None:
                held.tp = round(held.price_open * (1 + direction * _STOP), quote.symbol.digits)
