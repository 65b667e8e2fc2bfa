"""What survives a restart: handed to the store in units, and given back to the fleet at the start.

A unit holds what happened and what is told of it, so that neither is ever kept without the other. Events wait for it
before anybody hears them. The last states of experts and accounts follow at most a second later, or at once where
somebody waits to be told that they are kept.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Final

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
    KeptAccount,
    KeptAlert,
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
from fleetwire.wire.errors import StoreError
from fleetwire.wire.moment import Moment
from fleetwire.wire.rows import AlertRow

logger = logging.getLogger("fleetwire.store")

_STATE_S: Final = 1.0
"""How long the last state of an expert or account may be in memory alone, where nobody waits for it."""
_WAITING_MAX: Final = 200_000
"""Records that may wait here while the store takes none; then reports are refused."""
_EPOCH: Final = "epoch"
_RESERVED: Final = "reserved_position"
_UNKEPT: Final = "told_unkept_until"
_PEAKS: Final = "peaks"
_MARKET: Final = "market"

_encode: Final = msgspec.msgpack.Encoder().encode


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
        self._records: list[Record] = []
        self._experts: dict[int, ExpertState] = {}
        self._accounts: dict[tuple[str, int], AccountState] = {}
        self._market: Callable[[], list[Quote]] | None = None  # set while it has to be kept anew
        self._peaks: dict[str, float] = {}
        self._is_urgent = False
        self._stated_at = float("-inf")
        self._unkept_until = 0  # the newest position that may have been told and not kept
        self._told_unkept = 0
        self._is_open = False
        self._is_waiting = False  # the store has refused the last unit

    # ------------------------------------------------------------------------------------------------------ the start

    async def open(
        self, fleet: Fleet, portfolio: Portfolio, alerts: Alerts, news: News, take_clock: Callable[[], Moment]
    ) -> None:
        """Open the store, and let everything be as the run before left it.

        Args:
            fleet: empty, as are the others.
            portfolio: likewise.
            alerts: likewise.
            news: likewise.
            take_clock: gives the time.

        Raises:
            StoreError: it can't be opened or read.
        """
        memory = await self.store.open()
        self._is_open = True
        at = take_clock()
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
        self._hand_over([], None)
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

    # -------------------------------------------------------------------------------------------------------- the units

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        """Keep what was published, and what it tells of, in one unit; called by the server before it tells them."""
        if not self._is_open:
            return False
        return self._hand_over(events, (lambda _: done()) if events else None) and bool(events)

    def _hand_over(self, events: list[KeptEvent], done: Callable[[Exception | None], None] | None) -> bool:
        """Hand a unit to the store; what it does not take waits here. Tells whether it was taken."""
        self._reserve()
        self._note_unkept()
        self._add_states()
        unit, self._records = [*self._records, *events], []
        if not unit:
            return False
        try:
            self.store.keep(unit, done)
        except StoreError as error:
            logger.warning("%d records wait to be kept: %s", len(unit), error)
            self._records, self._is_waiting = unit, True
            return False
        self._is_waiting = False
        return True

    def _add_states(self) -> None:
        """Add the last states of those who changed, where that is due."""
        now = self._server.clock.monotonic()
        if not self._is_urgent and now < self._stated_at + _STATE_S:
            return
        self._is_urgent, self._stated_at = False, now
        for state in self._accounts.values():
            self._records.append(KeptAccount(*state.id, _encode(state.memory())))
        for expert in self._experts.values():
            self._records.append(KeptExpert(expert.ea_id, expert.expert, _encode(expert.memory())))
        self._accounts.clear()
        self._experts.clear()
        if self._market is not None:
            self._records.append(KeptNote(_MARKET, _encode(self._market())))
            self._market = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more reports can be taken."""
        return len(self._records) >= _WAITING_MAX

    async def acknowledged(self) -> None:
        """Wait until everything that was reported is on disk, and told.

        Raises:
            StoreError: it can't be kept now.
        """
        await self._sealed()
        await self.store.committed()
        if self._is_waiting:
            raise StoreError(self.store.health().failing or "what was reported can't be kept: too much waits already")

    async def _sealed(self) -> None:
        """Let the server hand over everything at its next flush: only there a deal and its event are in one unit."""
        self._is_urgent = True
        self._server.at_flush(_nothing)
        await self._server.flushed()

    async def close(self) -> None:
        """Keep everything that is left, and close the store."""
        if not self._is_open:
            return
        await self._sealed()
        self._is_open = False
        await self.store.close()
