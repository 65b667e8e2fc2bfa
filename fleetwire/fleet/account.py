"""One account: what its terminals say, its deals, whose they are, and its book."""

from typing import Final

from msgspec import Struct

from fleetwire.fleet.book import Book, BookMemory
from fleetwire.fleet.broker_time import DAY_MS, BrokerClock, ServerTime
from fleetwire.fleet.events import CLOSING, TRADE_TYPES, Account, Deal, Position, Terminal
from fleetwire.fleet.liveness import Pulse
from fleetwire.fleet.series import Series
from fleetwire.wire.moment import Moment

LOT_UNITS: Final = 10**8
NO_DECIMALS: Final = frozenset({"JPY", "KRW", "CLP", "VND", "IDR"})
_TERMINALS_MAX: Final = 16

AccountId = tuple[str, int]
"""(server, login)."""


def account_name(account: AccountId) -> str:
    """Write an account as rows and people name it: "Broker-Demo/400000005"."""
    return f"{account[0]}/{account[1]}"


class Trade(Struct):
    """What the deals say of one position: whose it is (None: nobody's yet), and its volumes in `LOT_UNITS`."""

    owner: int | None = None
    entered: int = 0
    closed: int = 0


class TerminalState:
    """One terminal, and its signs of life.

    Args:
        account: that it runs.
        terminal: what it last said of itself.
    """

    def __init__(self, account: "AccountState", terminal: Terminal) -> None:
        self.account = account
        self.terminal = terminal
        self.pulse = Pulse(self)
        self.as_of = ""

    @property
    def name(self) -> str:
        """How rows name it."""
        account = account_name(self.account.id)
        return f"{account}/{self.terminal.id}" if self.terminal.id else account


class AccountMemory(Struct, frozen=True):
    """What a restart needs of an account, beyond its deals."""

    account: Account | None
    terminals: list[Terminal]
    learned: list[tuple[int, int]]
    manual: list[Position]
    book: BookMemory
    heard_utc_ms: int


class AccountState:
    """One account. Known from its first mention on; `account` is None until its terminal has said something.

    Args:
        server: MetaTrader's trade server.
        login: the account's number.
        number: counts the accounts, in the order in which they became known.
        rule: of the trade server's clock, if one is set.
    """

    def __init__(self, server: str, login: int, number: int, rule: ServerTime | None) -> None:
        self.id: AccountId = (server, login)
        self.number = number
        self.account: Account | None = None
        self.as_of = ""
        self.heard_utc_ms = 0
        self.clock = BrokerClock(rule)
        self.book = Book()
        self.series = Series()
        self.owners: dict[int, int | None] = {}  # of each deal, by its ticket; a deal told twice is known by it
        self.unowned: dict[int, Deal] = {}  # trades of nobody, by ticket: made by hand, or of an expert not yet known
        self.trades: dict[int, Trade] = {}  # by position_id
        self.manual: dict[int, Position] = {}  # open positions of nobody, by ticket
        self.terminals: dict[str, TerminalState] = {}
        self.pulse = Pulse(self)
        self.experts: list[int] = []
        self.version = 0  # changes with everything that the portfolio sums of it

    @property
    def currency(self) -> str:
        """Of its money; empty while nobody has said."""
        return self.account.currency if self.account is not None else ""

    @property
    def digits(self) -> int:
        """Decimals of its money."""
        return 0 if self.currency in NO_DECIMALS else 2

    def terminal(self, said: Terminal | None) -> TerminalState:
        """Find the terminal that a report came from; one that does not say comes from the only one, or the first."""
        if said is None and self.terminals:
            return next(iter(self.terminals.values()))
        terminal = said or Terminal()
        state = self.terminals.get(terminal.id)
        if state is None:
            if len(self.terminals) >= _TERMINALS_MAX:
                del self.terminals[next(iter(self.terminals))]
            state = self.terminals[terminal.id] = TerminalState(self, terminal)
        return state

    # ---------------------------------------------------------------------------------------------------------- deals

    def knows(self, deal: Deal) -> bool:
        """Tell whether a deal was taken already."""
        return deal.ticket in self.owners

    def take(self, deal: Deal, owner: int | None) -> None:
        """Take a new deal in, and note whose it is."""
        is_late = bool(self.series.deals) and deal.time_msc < self.series.deals[-1].time_msc
        self.owners[deal.ticket] = owner
        self.series.add(deal, deal.time_msc)
        self.book.count(deal, deal.time_msc // DAY_MS, is_late=is_late)
        self.version += 1
        if deal.type not in TRADE_TYPES:
            return
        if owner is None:
            self.unowned[deal.ticket] = deal
        if deal.position_id:
            trade = self.trades.setdefault(deal.position_id, Trade())
            volume = round(deal.volume * LOT_UNITS)
            if deal.entry == "in":
                trade.entered += volume
                trade.owner = owner if trade.owner is None else trade.owner
            elif deal.entry in CLOSING:
                trade.closed += volume

    def owner_of(self, position_id: int) -> int | None:
        """Tell who opened a position; None for nobody, or where that is not known."""
        trade = self.trades.get(position_id)
        return trade.owner if trade is not None else None

    def left_of(self, position_id: int) -> float | None:
        """Tell how many lots of a position are open by its deals; None where its entry is not known."""
        trade = self.trades.get(position_id)
        return max(0, trade.entered - trade.closed) / LOT_UNITS if trade is not None and trade.entered else None

    # -------------------------------------------------------------------------------------------------------- the book

    def server_day(self, at: Moment) -> int:
        """Tell the day on the trade server's clock; the newest deal's, where the clock is not known."""
        server_msc = self.clock.server_msc(at.utc_ms)
        return self.book.newest_day if server_msc is None else server_msc // DAY_MS

    def settle(self, at: Moment) -> bool:
        """Compare the account's report with its deals; tell whether the opening balance became another one."""
        if self.account is None:
            return False
        self.version += 1
        return self.book.settle(self.account, self.server_day(at), at)

    def utc_ms(self, time_msc: int) -> int:
        """Convert a time of the trade server; while its offset is not known, its clock is taken for UTC."""
        utc_ms = self.clock.utc_ms(time_msc)
        return time_msc if utc_ms is None else utc_ms

    # ---------------------------------------------------------------------------------------------------------- memory

    def memory(self) -> AccountMemory:
        """Give what a restart needs."""
        return AccountMemory(
            self.account,
            [state.terminal for state in self.terminals.values()],
            self.clock.learned,
            list(self.manual.values()),
            self.book.memory(),
            self.heard_utc_ms,
        )

    def restore(self, memory: AccountMemory, heard_at: float, as_of: str) -> None:
        """Take what was known before a restart.

        Args:
            memory: of the run before.
            heard_at: when the account was last heard, on our monotonic clock.
            as_of: the same in UTC.
        """
        self.account = memory.account
        self.heard_utc_ms, self.as_of = memory.heard_utc_ms, as_of
        self.clock.learned = list(memory.learned)
        self.manual = {position.ticket: position for position in memory.manual}
        self.book.restore(memory.book, memory.account, heard_at)
        for terminal in memory.terminals:
            self.terminal(terminal).as_of = as_of
