"""What survives a restart: handed to the store in units, and given back to the fleet at the start.

A unit holds what happened and what is told of it, so that neither is ever kept without the other. Events wait for it
before anybody hears them. The last states of experts and accounts follow at most a second later, or at once where
somebody waits to be told that they are kept.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from fleetwire.fleet.account import AccountMemory, AccountState, account_name
from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.events import Deal
from fleetwire.fleet.expert import ExpertMemory, ExpertState
from fleetwire.fleet.market import Quote
from fleetwire.fleet.news import News
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.state import Fleet
from fleetwire.hub.reservation import Reservation
from fleetwire.ports import (
    Clock,
    KeptAccount,
    KeptAlert,
    KeptAudit,
    KeptDeal,
    KeptEvent,
    KeptExpert,
    KeptNews,
    KeptNote,
    Memory,
    Record,
    Sample,
    Store,
)
from fleetwire.server.server import WebSocketServer
from fleetwire.storage import RefusedError
from fleetwire.wire.audit import AuditTrail
from fleetwire.wire.errors import ConfigError, StoreError
from fleetwire.wire.moment import Moment
from fleetwire.wire.rows import AlertRow

logger = logging.getLogger("fleetwire.store")

_STATE_S: Final = 1.0
"""How long the last state of an expert or account may be in memory alone, where nobody waits for it."""
_WAITING_MAX: Final = 10_000
"""Records that may wait here while the store takes none; then units are dropped. Reports are refused from the first."""
_STATES_MAX: Final = 2_000  # last states in one unit: a whole fleet's may be more than a store takes at once
_UNITS_MAX: Final = 10_000
"""Units of commands that may wait here likewise."""
_EPOCH: Final = "epoch"
_RESERVED: Final = "reserved_position"
_UNKEPT: Final = "told_unkept_until"
_PEAKS: Final = "peaks"
_MARKET: Final = "market"
_TOLD: Final = "told_audit_row"
_CLOCK: Final = "monotonic_clock"

_encode: Final = msgspec.msgpack.Encoder().encode
Done = Callable[[Exception | None], None]


def _nothing() -> None:
    """Has nothing to add to a flush."""


class Keeper:
    """Keeps a fleet in a store. Is the `EventKeeper` of its server.

    Args:
        store: where.
        server: whose events are kept, and which goes on where the run before ended.
    """

    def __init__(self, store: Store, server: WebSocketServer) -> None:
        self.store = store
        self._server = server
        self._reservation = Reservation()
        self._records: list[Record] = []  # of the next unit
        self._units: deque[list[Record]] = deque()  # that the store has no room for, in order
        self._experts: dict[int, ExpertState] = {}
        self._accounts: dict[tuple[str, int], AccountState] = {}
        self._market: Callable[[], list[Quote]] | None = None  # set while it has to be kept anew
        self._peaks: dict[str, float] = {}
        self._is_urgent = False
        self._stated_at = float("-inf")
        self._unkept_until = 0  # the newest position that may have been told and not kept
        self._told_unkept = 0
        self._is_open = False
        self._is_used = False
        self._is_handing_over = False  # stays so if that fails
        self._why_not = ""  # the store takes nothing
        self._lost = 0  # units that were dropped, and will not be kept
        self._why_lost = ""
        self._ordered: deque[tuple[Sequence[Record], Done | None]] = deque()  # units of `commit` that it refused
        self.trail = AuditTrail()
        """Makes the rows of the audit; each is to be kept at once, in its order."""

    # ------------------------------------------------------------------------------------------------------ the start

    async def open(
        self, fleet: Fleet, portfolio: Portfolio, alerts: Alerts, news: News, take_clock: Callable[[], Moment]
    ) -> Memory:
        """Open the store, and let everything be as the run before left it.

        Args:
            fleet: empty, as are the others.
            portfolio: likewise.
            alerts: likewise.
            news: likewise.
            take_clock: gives the time.

        Returns:
            What was kept.

        Raises:
            StoreError: it can't be opened or read; it is closed again.
            ConfigError: it was open before.
        """
        if self._is_used:  # a fleet that was brought back can't be brought back once more
            raise ConfigError("this one has run before, and what it remembers is of then: make a new one to start anew")
        memory = await self.store.open()
        try:
            await self._bring_back(memory, fleet, portfolio, alerts, news, take_clock())
        except BaseException:
            self._is_open = False
            await self.store.close()
            raise
        return memory

    async def _bring_back(
        self, memory: Memory, fleet: Fleet, portfolio: Portfolio, alerts: Alerts, news: News, at: Moment
    ) -> None:
        self._is_open = self._is_used = True
        self._restore_states(memory, fleet, at)
        async for deals in self.store.deals_in_order():
            for kept in deals:
                fleet.restore_deal(kept.server, kept.login, kept.ea_id, kept.deal)
        fleet.restored()
        portfolio.peaks.update(msgspec.msgpack.decode(memory.notes.get(_PEAKS, b"\x80"), type=dict[str, float]))
        self._peaks = dict(portfolio.peaks)
        self._server.access.tokens.restore(kept.token for kept in memory.tokens)
        alerts.restore(memory.alerts, memory.last_alert_id, at)
        news.restore([kept.memory for kept in memory.news])
        self.trail = AuditTrail(memory.audit_head)
        await self._go_on(memory)

    @staticmethod
    def _restore_states(memory: Memory, fleet: Fleet, at: Moment) -> None:
        market = memory.notes.get(_MARKET)
        if market is not None:
            fleet.market.restore(msgspec.msgpack.decode(market, type=list[Quote]), at)
        for account in memory.accounts:
            known = msgspec.msgpack.decode(account.memory, type=AccountMemory)
            fleet.restore_account(account.server, account.login, known, at)
        for expert in memory.experts:
            of_it = msgspec.msgpack.decode(expert.memory, type=ExpertMemory)
            fleet.restore_expert(expert.ea_id, expert.expert, of_it, at)

    async def _go_on(self, memory: Memory) -> None:
        """Let the hub go on above every position that may have been told, and reserve the next ones before it does."""
        epoch = memory.notes.get(_EPOCH, b"").decode() or secrets.token_hex(8)
        told = int(memory.notes.get(_RESERVED, b"0"))
        self._unkept_until = int(memory.notes.get(_UNKEPT, b"0"))
        self._server.resume(epoch, told, memory.events, unkept_until=self._unkept_until)
        self._records.append(KeptNote(_EPOCH, epoch.encode()))
        self._reserve()
        self._hand_over([], _nothing)
        await self.store.committed()

    def _reserve(self) -> None:
        """Reserve the next positions where that is due: no position may ever name two messages."""
        until = self._reservation.due(self._server.hub.position)
        if until is not None:
            self._records.append(KeptNote(_RESERVED, str(until).encode()))

    def _note_unkept(self) -> None:
        """Remember up to where events were told that may not be kept: a `gap` says so after a restart."""
        told = self._server.hub.counts.told_unkept
        if told != self._told_unkept:
            self._told_unkept, self._unkept_until = told, self._server.hub.position
            self._records.append(KeptNote(_UNKEPT, str(self._unkept_until).encode()))

    # ----------------------------------------------------------------------------------------------------- what is new

    def deal(self, account: AccountState, ea_id: int | None, deal: Deal) -> None:
        """Keep a deal, and whose it is."""
        server, login = account.id
        self._records.append(KeptDeal(server, login, ea_id, account.utc_ms(deal.time_msc), deal))

    def alert(self, row: AlertRow) -> None:
        """Keep an alert as it stands now."""
        self._records.append(KeptAlert(row))

    def news(self, news: News) -> None:
        """Keep the calendar events that became others."""
        self._records += [KeptNews(*memory) for memory in news.changed()]

    def expert(self, expert: ExpertState) -> None:
        """Keep the last state of an expert, soon."""
        self._experts[expert.ea_id] = expert

    def account(self, account: AccountState) -> None:
        """Keep the last state of an account, soon."""
        self._accounts[account.id] = account

    def market(self, memory: Callable[[], list[Quote]]) -> None:
        """Keep what symbols are, soon."""
        self._market = memory

    def peaks(self, peaks: dict[str, float]) -> None:
        """Keep the portfolio's peaks, if they are others."""
        if peaks != self._peaks:
            self._peaks = dict(peaks)
            self._records.append(KeptNote(_PEAKS, _encode(self._peaks)))

    def sample(self, fleet: Fleet, at: Moment, *, experts: bool) -> None:
        """Keep balance and equity of everybody as they are now.

        Args:
            fleet: of whom.
            at: now.
            experts: also what each expert has earned: closed, and with what is open.
        """
        if self.is_full:  # a curve with a hole is better than one that fills the memory
            return
        sums: dict[str, list[float]] = {}
        for state in fleet.accounts.values():
            account = state.account
            if account is not None:
                self._records.append(
                    Sample(f"account:{account_name(state.id)}", at.utc_ms, account.balance, account.equity)
                )
                of_currency = sums.setdefault(account.currency, [0.0, 0.0])
                of_currency[0] += account.balance
                of_currency[1] += account.equity
        for currency, (balance, equity) in sums.items():
            self._records.append(Sample(f"currency:{currency}", at.utc_ms, round(balance, 8), round(equity, 8)))
        if experts:
            for expert in fleet.experts.values():
                closed = expert.net_profit
                together = round(closed + expert.current_profit, 8)
                self._records.append(Sample(f"ea:{expert.ea_id}", at.utc_ms, closed, together))

    # ------------------------------------------------------------------------------------- commands and the audit

    def commit(self, records: Sequence[Record], done: Done | None = None) -> None:
        """Hand over a unit of commands and rows of the audit now, after all those before it.

        Args:
            records: the unit; with none, `done` is told of those before it.
            done: as of `Store.keep`.

        Raises:
            StoreError: so much waits already that it is not taken.
        """
        if len(self._ordered) >= _UNITS_MAX:
            raise StoreError(self.store.health().failing or "too much waits to be kept")
        self._ordered.append((records, done))
        self._commit_in_order()

    def _commit_in_order(self) -> None:
        while self._ordered:
            try:
                self.store.keep(*self._ordered[0])
            except StoreError as error:
                logger.warning("%d units of commands wait to be kept: %s", len(self._ordered), error)
                return
            self._ordered.popleft()

    def audit(self, done: Done | None = None, **fields: Any) -> None:
        """Add a row to the audit, and hand it over at once.

        Args:
            done: as of `Store.keep`.
            fields: of `AuditTrail.row`.

        Raises:
            StoreError: so much waits already that it is not taken.
        """
        if len(self._ordered) >= _UNITS_MAX:
            raise StoreError(self.store.health().failing or "too much waits to be kept")
        self.commit([KeptAudit(self.trail.row(**fields))], done)

    def told(self, number: int) -> None:
        """Note up to which row of the audit everybody was told; kept in one unit with the event that tells it."""
        self._records.append(KeptNote(_TOLD, str(number).encode()))

    def clock_since(self, memory: Memory, clock: Clock) -> int | None:
        """Tell which commands wait by the monotonic clock of now, and keep what the next run needs to know it again.

        Returns:
            The last number that was given before this clock began; None where nobody can know.
        """
        name: str = getattr(clock, "monotonic_name", "")  # not every clock goes on when the process ends
        if not name:
            return None
        was, _, number = memory.notes.get(_CLOCK, b"").decode().rpartition(" ")
        since = int(number) if was == name else memory.last_command_number
        self._records.append(KeptNote(_CLOCK, f"{name} {since}".encode()))
        return since

    @staticmethod
    def told_until(memory: Memory) -> int:
        """Give the row of the audit up to which the run before has told everybody."""
        return int(memory.notes.get(_TOLD, b"0"))

    # -------------------------------------------------------------------------------------------------------- the units

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        """Keep what was published, and what it tells of, in one unit; called by the server before it tells them."""
        if self._is_open and self._hand_over(events, done):
            return bool(events)
        self._server.hub.counts.told_unkept += len(events)
        return False

    def _hand_over(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        """Hand over what has gathered, after what the store had no room for; tell whether it took all of it."""
        self._is_handing_over = True
        self._commit_in_order()
        self._reserve()
        self._note_unkept()
        unit, self._records = [*self._records, *events], []
        is_taken = self._hand_over_what_waits() and (not unit or self._is_taken(unit, len(events), done))
        if is_taken:
            for states in self._due_states():
                if not self._is_taken(states):
                    self._wait(states)
        elif unit:
            self._wait(unit)
        self._is_handing_over = False
        return is_taken

    def _hand_over_what_waits(self) -> bool:
        while self._units:
            if not self._is_taken(self._units[0]):
                return False
            self._units.popleft()
        return True

    def _is_taken(self, unit: list[Record], events: int = 0, done: Callable[[], None] = _nothing) -> bool:
        """Hand a unit to the store; tell whether it was taken.

        Args:
            unit: not empty.
            events: how many of its records tell of something that waits to be told.
            done: called once they are kept, or once it is clear that they can't be.
        """

        def on_done(error: Exception | None) -> None:
            if error is not None:
                self._server.hub.counts.told_unkept += events
            if isinstance(error, RefusedError):
                self._note_lost(str(error))
            done()

        try:
            self.store.keep(unit, on_done)
        except StoreError as error:
            if not self._units:
                logger.error("no more reports are taken until the store takes records again: %s", error)
            self._why_not = str(error)
            return False
        return True

    def _wait(self, unit: list[Record]) -> None:
        """Let a unit wait for the store to take it; drop it whole where too much waits already."""
        if self.waiting + len(unit) > _WAITING_MAX and self._units:
            self._note_lost(f"too much waits to be kept: {self._why_not}")
        else:
            self._units.append(unit)

    def _note_lost(self, why: str) -> None:
        self._lost, self._why_lost = self._lost + 1, why

    def _due_states(self) -> Iterator[list[Record]]:
        """Give the last states of those who changed, where that is due, in units that are not too long."""
        now = self._server.clock.monotonic()
        if not self._is_urgent and now < self._stated_at + _STATE_S:
            return
        self._is_urgent, self._stated_at = False, now
        states: list[Record] = [KeptAccount(*state.id, _encode(state.memory())) for state in self._accounts.values()]
        states += [KeptExpert(one.ea_id, one.expert, _encode(one.memory())) for one in self._experts.values()]
        if self._market is not None:
            states.append(KeptNote(_MARKET, _encode(self._market())))
        self._accounts.clear()
        self._experts.clear()
        self._market = None
        for start in range(0, len(states), _STATES_MAX):
            yield states[start : start + _STATES_MAX]

    @property
    def waiting(self) -> int:
        """How many records the store has no room for."""
        return sum(map(len, self._units))

    @property
    def is_full(self) -> bool:
        """Whether the store takes nothing, so that no more reports can be taken."""
        return bool(self._units) or len(self._ordered) >= _UNITS_MAX

    def check_room(self) -> None:
        """Refuse a report that could not be kept.

        Raises:
            StoreError: says why it could not.
        """
        if not self._is_open:
            raise StoreError("no reports are taken: the store is not open")
        if self.is_full:
            raise StoreError(f"no more reports are taken: what is there already can't be kept: {self._why_not}")

    async def acknowledged(self) -> None:
        """Wait until everything that was reported is on disk, and told.

        Raises:
            StoreError: it can't be kept now.
        """
        lost = self._lost
        await self._sealed()
        if self._units or self._is_handing_over:  # asked before `committed`: what is taken later is not waited for
            raise StoreError(self._why_not or "what was reported could not be handed over: the log says why")
        await self.store.committed()
        if self._lost != lost:
            raise StoreError(self._why_lost)

    async def _sealed(self) -> None:
        """Let the server hand over everything at its next flush: only there a deal and its event are in one unit."""
        self._is_urgent = True
        self._server.at_flush(_nothing)
        await self._server.flushed()

    async def close(self) -> None:
        """Keep everything that is left, and close the store.

        Raises:
            StoreError: some of it can't be kept, and is lost; the store is closed nevertheless.
        """
        if not self._is_open:
            return
        try:
            await self._sealed()
            for _ in range(len(self._units)):  # each time that all is written there is room again
                await self.store.committed()
                self._hand_over([], _nothing)
        finally:
            self._is_open = False
            await self.store.close()
        if self._units:
            raise StoreError(f"{self.waiting} records were not written, and are lost: {self._why_not}")
