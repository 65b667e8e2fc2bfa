"""Closing deals of a hedging account, each to the position that it closed: as all sections of the report have it.

The positions and open positions sections say how much of each position was closed, when it ended, and what it earned.
The deals of a symbol's side are parted where nothing was open: each *stretch* is solved by itself. The first way that
gives an answer is taken:

1. a search for an assignment that agrees with everything, money included: what a deal earned has the sign (and, where
   a lot's worth never changes, the size) that the position's price makes; a position earned what its deals did;
   where a lot's worth changes, positions that make it most like the last known are tried first;
2. a search for one that agrees in volumes and times only;
3. one walk that gives each deal to the position that has to be done first.

A search tries the oldest position first, then the one that ends first. How long all searches together may take is
bounded; the walk takes O(log n) a deal.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from typing import Final, TypeAlias

from msgspec import Struct, field

from fleetwire.fleet.events import CLOSING, Deal
from fleetwire.sources.report.sections import ClosedPosition, Entered, StillOpen

OTHER_SIDE: Final = {"buy": "sell", "sell": "buy"}
LOT_UNITS: Final = 10**8  # lots are whole numbers of these
TRIALS_MAX: Final = 2_000_000  # of a deal with a position, in all searches of a report
TRIALS_PER_DEAL: Final = 200  # in one search of one stretch; some more for short ones
TRIALS_AT_LEAST: Final = 20_000
CROWD: Final = 4  # a stretch with so many times more to try than trials are left isn't searched
TELLING_UNITS: Final = 20  # of the smallest money: what earned less tells nothing exact
PASSED_OVER_MAX: Final = 8  # positions with less room than a deal needs, before one of them is taken
HOPELESS_MAX: Final = 20_000  # states that one search remembers
NEVER: Final = 2**63

Side: TypeAlias = tuple[str, str]


class _Position(Struct):
    """A position as its stretch needs it. Volumes are in 1/LOT_UNITS."""

    number: int
    price: float | None
    sign: int
    room: int  # what was closed of it in all; what it has, if nothing tells
    end_msc: int = NEVER
    is_known: bool = False  # the room is no more and no less than what was closed
    profit: float | None = None
    swap: float | None = None
    last: int = 1  # the least that the deal closes which ends it


class _Closing(Struct):
    """A closing deal, and how many positions of its stretch were opened before it."""

    at: int
    deal: Deal
    volume: int
    opened: int


class _Stretch(Struct):
    positions: list[_Position]
    closings: list[_Closing]


class _Worth(Struct):
    """What a lot of a symbol earns when its price moves by one, from deals that can have closed one position only.

    `least` and `most` bound what all of them agree with; nothing does where profits are converted at changing rates.
    """

    least: float = 0.0
    most: float = inf
    samples: list[tuple[int, float]] = field(default_factory=list)  # moment and worth

    def narrow(self, deal: Deal, moved: float, money_unit: float) -> None:
        """Take a deal into account whose lots moved in price by `moved`."""
        ends = ((deal.profit - money_unit) / moved, (deal.profit + money_unit) / moved)
        self.least, self.most = max(self.least, min(ends)), min(self.most, max(ends))
        if abs(deal.profit) >= TELLING_UNITS * money_unit:
            self.samples.append((deal.time_msc, deal.profit / moved))

    @property
    def is_constant(self) -> bool:
        return len(self.samples) >= 2 and self.least <= self.most

    def near(self, moment: int) -> float:
        """The worth of the last deal before a moment, else of the first; 0 without any. `samples` must be sorted."""
        at = bisect_right(self.samples, (moment, inf))
        return self.samples[max(0, at - 1)][1] if self.samples else 0.0


def attribute(
    deals: Sequence[Deal],
    entered: Mapping[int, Entered],
    closed: Sequence[ClosedPosition],
    remaining: Sequence[StillOpen],
    money_unit: float,
) -> dict[int, int]:
    """Tell the position of each closing deal by the deal's place; a deal without one is left out.

    Args:
        deals: all of a hedging account's.
        entered: the positions that they opened.
        closed: the positions section.
        remaining: the open positions section.
        money_unit: the smallest of the account's currency.
    """
    sides = _Sides(deals, entered, closed, remaining).stretches
    worths = _worths(sides, money_unit)
    trials = _Trials(TRIALS_MAX)
    found: dict[int, int] = {}
    for (symbol, _), stretches in sides.items():
        money = _Money(worths[symbol], money_unit)
        for stretch in stretches:
            chosen = _searched(stretch, money, trials) or _walked(stretch)
            for closing, at in zip(stretch.closings, chosen, strict=True):
                if at >= 0:
                    found[closing.at] = stretch.positions[at].number
    return found


class _Sides:
    """Puts the deals of each symbol's side into stretches."""

    def __init__(
        self,
        deals: Sequence[Deal],
        entered: Mapping[int, Entered],
        closed: Sequence[ClosedPosition],
        remaining: Sequence[StillOpen],
    ) -> None:
        self._entered = entered
        self._closed = {position.ticket: position for position in closed}
        self._left = {position.ticket: position.volume for position in remaining}
        self._least: dict[tuple[Side, int], int] = {}  # volume that a deal closed, by moment
        self._held: defaultdict[Side, int] = defaultdict(int)
        self._begun: set[int] = set()
        self.stretches: defaultdict[Side, list[_Stretch]] = defaultdict(list)
        for deal in deals:
            if deal.entry in CLOSING:
                moment, volume = (_closed_side(deal), deal.time_msc), _units(deal.volume)
                self._least[moment] = min(volume, self._least.get(moment, volume))
        self._open_earlier(closed)
        for at, deal in enumerate(deals):
            if deal.entry == "in":
                self._enter(deal)
            elif deal.entry in CLOSING:
                self._leave(at, deal)

    def _open_earlier(self, closed: Sequence[ClosedPosition]) -> None:
        """Positions that were opened before the report begins have no deal that says so."""
        for position in closed:
            side = (position.symbol, position.type)
            if position.ticket not in self._entered and (side, position.close_msc) in self._least:
                self._begin(side, position.ticket, None, _units(position.volume))

    def _enter(self, deal: Deal) -> None:
        opened = self._entered.get(deal.order)
        side = (deal.symbol, deal.type)
        if opened is None or (opened.symbol, opened.type) != side:
            self._begin(side, deal.order, deal.price, _units(deal.volume))
        elif deal.order not in self._begun:  # an order that is filled in parts opens one position
            self._begun.add(deal.order)
            self._begin(side, deal.order, opened.price, _units(opened.volume))

    def _begin(self, side: Side, number: int, price: float | None, volume: int) -> None:
        stretches = self.stretches[side]
        if not stretches or self._held[side] <= 0:
            stretches.append(_Stretch([], []))
            self._held[side] = 0
        self._held[side] += volume
        position = _Position(number, price, 1 if side[1] == "buy" else -1, volume)
        closed, left = self._closed.get(number), self._left.get(number)
        if left is not None:
            position.room = max(0, volume - _units(left))
            position.is_known = True
        if closed is not None:
            self._end(position, closed, side)
        stretches[-1].positions.append(position)

    def _end(self, position: _Position, closed: ClosedPosition, side: Side) -> None:
        least = self._least.get((side, closed.close_msc))
        if least is None:
            return  # it says of no deal that it was the last
        position.end_msc, position.last = closed.close_msc, least
        if not position.is_known and closed.volume > 0:
            position.room = min(position.room, _units(closed.volume))
        position.is_known = True
        position.profit, position.swap = closed.profit, closed.swap

    def _leave(self, at: int, deal: Deal) -> None:
        side = _closed_side(deal)
        stretches = self.stretches[side]
        if not stretches:
            return
        volume = _units(deal.volume)
        self._held[side] -= volume
        stretches[-1].closings.append(_Closing(at, deal, volume, len(stretches[-1].positions)))


def _closed_side(deal: Deal) -> Side:
    return deal.symbol, OTHER_SIDE[deal.type]


def _units(volume: float) -> int:
    return round(volume * LOT_UNITS)


def _worths(sides: Mapping[Side, Sequence[_Stretch]], money_unit: float) -> dict[str, _Worth]:
    """What a lot of each symbol earns for each unit of its price, from deals that can have closed one position only."""
    worths: defaultdict[str, _Worth] = defaultdict(_Worth)
    for (symbol, _), stretches in sides.items():
        worth = worths[symbol]
        for stretch in stretches:
            for deal, position in _certain(stretch):
                moved = (deal.price - (position.price or deal.price)) * position.sign * deal.volume
                if moved:
                    worth.narrow(deal, moved, money_unit)
    for worth in worths.values():
        worth.samples.sort()
    return worths


def _certain(stretch: _Stretch) -> Iterator[tuple[Deal, _Position]]:
    """Deals with the one position that they can have closed: the only one, or the only one that ended then."""
    ending: defaultdict[int, list[_Position]] = defaultdict(list)
    moments: defaultdict[int, int] = defaultdict(int)
    for position in stretch.positions:
        ending[position.end_msc].append(position)
    for closing in stretch.closings:
        moments[closing.deal.time_msc] += 1
    for closing in stretch.closings:
        ended = ending.get(closing.deal.time_msc, ())
        if len(stretch.positions) == 1:
            yield closing.deal, stretch.positions[0]
        elif len(ended) == 1 == moments[closing.deal.time_msc]:
            yield closing.deal, ended[0]


class _Money(Struct):
    """Whether money agrees: of a deal with a position's price, of a position with its deals."""

    worth: _Worth
    unit: float

    def fits(self, deal: Deal, position: _Position) -> bool:
        if position.price is None:
            return True
        moved = (deal.price - position.price) * position.sign * deal.volume
        least, most = (self.worth.least, self.worth.most) if self.worth.is_constant else (0.0, inf)
        if not moved:
            return abs(deal.profit) <= self.unit
        ends = (least * moved, most * moved)
        return min(ends) - self.unit <= deal.profit <= max(ends) + self.unit

    def misfit(self, deal: Deal, position: _Position) -> float:
        """How far a profit is from what the worth of that time makes of the position's price, as a part of it."""
        if position.price is None or self.worth.is_constant:
            return 0.0
        expected = (deal.price - position.price) * position.sign * deal.volume * self.worth.near(deal.time_msc)
        return max(0.0, abs(deal.profit - expected) - self.unit) / max(abs(expected), self.unit)

    def adds_up(self, position: _Position, profit: float, swap: float) -> bool:
        tolerance = 0.51 * self.unit
        return (position.profit is None or abs(profit - position.profit) <= tolerance) and (
            position.swap is None or abs(swap - position.swap) <= tolerance
        )


class _Trials(Struct):
    """How many trials are left to all searches."""

    left: int


def _searched(stretch: _Stretch, money: _Money, trials: _Trials) -> list[int] | None:
    if _open_in_all(stretch) > CROWD * trials.left:
        return None
    by_sign = (_Money(_Worth(), money.unit),) if money.worth.is_constant else ()
    for checks in (money, *by_sign, None):
        for by_end in (False, True):
            found = _Search(stretch, checks, by_end).run(trials)
            if found is not None:
                return found
    return None


def _open_in_all(stretch: _Stretch) -> int:
    """How many positions are open when a deal closes one, added up over all of the deals."""
    ends = sorted(position.end_msc for position in stretch.positions)
    ended = total = 0
    for closing in stretch.closings:
        while ended < len(ends) and ends[ended] < closing.deal.time_msc:
            ended += 1
        total += max(0, closing.opened - ended)
    return total


class _Search:
    """Depth first over the closing deals of a stretch.

    Args:
        stretch: what to assign.
        money: what has to agree beside volumes and times; None if nothing.
        by_end: which position to try first: the one that ends first, or the oldest.
    """

    def __init__(self, stretch: _Stretch, money: _Money | None, by_end: bool) -> None:
        self._positions = stretch.positions
        self._closings = stretch.closings
        self._money = money
        self._by_end = by_end
        self._rooms = [position.room for position in stretch.positions]
        self._profits = [0.0] * len(self._rooms)
        self._swaps = [0.0] * len(self._rooms)
        self._active: list[int] = []  # positions that are open and have room, the oldest first
        self._due = self._due_before()
        self._hopeless: set[tuple[int, ...]] = set()

    def run(self, trials: _Trials) -> list[int] | None:
        """The place of each closing deal's position; None if there is no such assignment or trials run out."""
        budget = min(trials.left, TRIALS_AT_LEAST + TRIALS_PER_DEAL * len(self._closings))
        trials.left -= budget
        chosen: list[int] = []
        ways: list[Iterator[int]] = []
        while True:
            if len(ways) == len(chosen):  # a deal was reached that was not tried yet, or the end
                done = self._all_done(len(chosen))
                if done and len(chosen) == len(self._closings):
                    trials.left += max(0, budget)
                    return chosen
                self._open_until(len(chosen))
                done = done and (self._money is not None or self._state(len(chosen)) not in self._hopeless)
                budget -= len(self._active) + 1
                ways.append(self._ways(len(chosen)) if done and budget > 0 else iter(()))
            at = next(ways[-1], -1)
            if at >= 0:
                self._take(len(chosen), at)
                chosen.append(at)
                continue
            ways.pop()
            if self._money is None and len(self._hopeless) < HOPELESS_MAX:
                self._hopeless.add(self._state(len(chosen)))
            self._unopen(len(chosen))
            if not chosen or budget <= 0:
                trials.left += max(0, budget)
                return None
            self._give_back(len(chosen) - 1, chosen.pop())

    def _state(self, step: int) -> tuple[int, ...]:
        """All that volumes and times leave possible from a deal on follows from this."""
        return (step, *self._active, *(self._rooms[at] for at in self._active))

    def _due_before(self) -> list[list[int]]:
        """The positions that must be done before each closing deal, and before the end."""
        moments = [closing.deal.time_msc for closing in self._closings]
        by_end = sorted(range(len(self._positions)), key=lambda at: -self._positions[at].end_msc)
        due: list[list[int]] = []
        for moment in (*moments, NEVER + 1):
            due.append([])
            while by_end and self._positions[by_end[-1]].end_msc < moment:
                due[-1].append(by_end.pop())
        return due

    def _all_done(self, step: int) -> bool:
        return all(not self._rooms[at] for at in self._due[step] if self._positions[at].is_known)

    def _opened_at(self, step: int) -> range:
        if step == len(self._closings):
            return range(0)
        return range(self._closings[step - 1].opened if step else 0, self._closings[step].opened)

    def _open_until(self, step: int) -> None:
        self._active.extend(at for at in self._opened_at(step) if self._rooms[at])

    def _unopen(self, step: int) -> None:
        first = self._opened_at(step).start
        if self._opened_at(step):
            while self._active and self._active[-1] >= first:
                self._active.pop()

    def _ways(self, step: int) -> Iterator[int]:
        """The positions that a deal can have closed, the likeliest first."""
        closing = self._closings[step]
        moment, volume = closing.deal.time_msc, closing.volume
        fitting: list[tuple[int, float, int, int]] = []
        for at in self._active:
            position, room = self._positions[at], self._rooms[at]
            left = room - volume
            ends_now = position.end_msc == moment
            if left < 0 or not (ends_now or (moment < position.end_msc and self._leaves_enough(position, left))):
                continue
            if self._agrees(closing.deal, at, left):
                rank = (0 if not left else 1) if ends_now else 2
                misfit = self._money.misfit(closing.deal, position) if self._money is not None else 0.0
                fitting.append((rank, misfit, position.end_msc if self._by_end else 0, at))
        fitting.sort()
        return (at for *_, at in fitting)

    @staticmethod
    def _leaves_enough(position: _Position, left: int) -> bool:
        return position.end_msc == NEVER or left >= position.last

    def _agrees(self, deal: Deal, at: int, left: int) -> bool:
        if self._money is None:
            return True
        position = self._positions[at]
        if not self._money.fits(deal, position):
            return False
        return left > 0 or self._money.adds_up(position, self._profits[at] + deal.profit, self._swaps[at] + deal.swap)

    def _take(self, step: int, at: int) -> None:
        closing = self._closings[step]
        self._rooms[at] -= closing.volume
        self._profits[at] += closing.deal.profit
        self._swaps[at] += closing.deal.swap
        if not self._rooms[at]:
            self._active.remove(at)

    def _give_back(self, step: int, at: int) -> None:
        closing = self._closings[step]
        if not self._rooms[at]:
            insort(self._active, at)
        self._rooms[at] += closing.volume
        self._profits[at] -= closing.deal.profit
        self._swaps[at] -= closing.deal.swap


def _walked(stretch: _Stretch) -> list[int]:
    """Give each deal to the position that ends first and has room; -1 where none has any."""
    walk = _Walk(stretch.positions)
    chosen: list[int] = []
    opened = 0
    for closing in stretch.closings:
        for at in range(opened, closing.opened):
            walk.open(at)
        opened = closing.opened
        chosen.append(walk.close(closing))
    return chosen


class _Walk:
    """Open positions in the order in which they have to be done; those that nothing is known of come last."""

    def __init__(self, positions: list[_Position]) -> None:
        self._positions = positions
        self._rooms = [position.room for position in positions]
        self._heap: list[tuple[int, bool, int]] = []
        self._full: defaultdict[int, list[int]] = defaultdict(list)  # but for the deal that ends them, by when

    def open(self, at: int) -> None:
        """A position was opened."""
        if self._rooms[at] > 0:
            position = self._positions[at]
            heappush(self._heap, (position.end_msc, not position.is_known, at))

    def close(self, closing: _Closing) -> int:
        """Take a deal's volume from a position, and what it hasn't got from the next ones; tell the first."""
        first, left = -1, closing.volume
        while left > 0:
            at = self._next(closing.deal.time_msc, left)
            if at < 0:
                return first
            taken = min(left, self._rooms[at])
            self._rooms[at] -= taken
            left -= taken
            first = at if first < 0 else first
            self.open(at)
        return first

    def _next(self, moment: int, volume: int) -> int:
        """Take the best position off: one that ends now, else one that is left enough to end, else any."""
        ending = self._full.pop(moment, None)
        for at in ending or ():
            self.open(at)
        passed: list[tuple[int, bool, int]] = []
        best = -1
        while self._heap and len(passed) < PASSED_OVER_MAX:
            entry = heappop(self._heap)
            end_msc, _, at = entry
            if end_msc < moment:
                continue  # it is over: what the section says of it can't be
            kept = 0 if end_msc in (moment, NEVER) else self._positions[at].last
            if self._rooms[at] - kept >= volume:
                best = at
                break
            if end_msc > moment and end_msc != NEVER and self._rooms[at] <= kept:
                self._full[end_msc].append(at)
            else:
                passed.append(entry)
        if best < 0 and passed:
            best = passed.pop(0)[2]
        for entry in passed:
            heappush(self._heap, entry)
        return best
