"""The simulated market: a few symbols whose prices walk at random."""

from random import Random

from msgspec import Struct


class Symbol(Struct):
    """A symbol and its price.

    Args:
        name: MetaTrader's.
        price: now.
        digits: of a price.
        contract_size: units in one lot.
        unrest: the standard deviation of the price's relative change in one second.
    """

    name: str
    price: float
    digits: int
    contract_size: float
    unrest: float

    def money(self, move: float, volume: float) -> float:
        """Give what a move of the price means in USD for a volume in lots."""
        in_quote = move * volume * self.contract_size
        return in_quote / self.price if self.name.startswith("USD") else in_quote

    def worth(self, volume: float) -> float:
        """Give the value of a volume in lots, in USD."""
        return volume * self.contract_size * (1.0 if self.name.startswith("USD") else self.price)


class Market:
    """All symbols.

    Args:
        random: decides.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self.symbols = [
            Symbol("EURUSD", 1.08542, 5, 100_000, 6e-5),
            Symbol("GBPUSD", 1.27118, 5, 100_000, 7e-5),
            Symbol("USDJPY", 155.214, 3, 100_000, 7e-5),
            Symbol("XAUUSD", 2648.30, 2, 100, 1.2e-4),
            Symbol("US500", 5921.5, 1, 10, 1e-4),
        ]

    def walk(self, seconds: float) -> None:
        """Let every price go on for some seconds."""
        for symbol in self.symbols:
            change = self._random.gauss(0.0, symbol.unrest * seconds**0.5)
            symbol.price = round(symbol.price * (1 + change), symbol.digits)
