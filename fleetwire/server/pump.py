"""Performs what the hub decides: one flush at the end of a turn of the loop, one write per session and piece.

Where events are kept, the flush tells them once they are.
"""

import asyncio
import contextlib
import logging

from fleetwire.hub.hub import Hub
from fleetwire.hub.session import Session
from fleetwire.ports import Clock, EventKeeper, Timer
from fleetwire.server.keeping import Keeping

logger = logging.getLogger("fleetwire.server")


class Pump:
    """Flushes the hub.

    An isolated message leaves at the end of the turn, without a timer. Under load the next flush starts no earlier than
    the last one took: half of the time stays for input, and messages join by themselves.

    Args:
        hub: what is flushed.
        clock: stamps what the hub itself has to say.
        loop: where the flushes run.
        keeper: keeps events before they are told; None where nobody does.
    """

    def __init__(
        self, hub: Hub, clock: Clock, loop: asyncio.AbstractEventLoop, keeper: EventKeeper | None = None
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._loop = loop
        self._handle: asyncio.Handle | None = None
        self._not_before = 0.0
        self._flushing = False
        self._full: list[Session] = []  # whose transport took no more during this flush
        self._flushed: asyncio.Future[None] | None = None
        self._flushed_after: asyncio.Future[None] | None = None  # when what is staged has been told as well
        self._keeping = Keeping(hub, clock, keeper, self._tell) if keeper is not None else None
        self._sealing_s = 0.0  # how long the last seal took
        self._timer: Timer | None = None  # for those who are not told at once
        self._timer_at = float("inf")

    def wake(self) -> None:
        """Flush soon, if there is something to flush; at once, if there is too much."""
        if self._hub.must_flush:
            self._flush_at_once()
        elif self._handle is None and not self._flushing and not self._is_keeping:
            if self._hub.dirty:
                wait_s = self._not_before - self._loop.time()
                later = self._loop.call_later
                self._handle = self._loop.call_soon(self._run) if wait_s <= 0 else later(wait_s, self._run)
            else:
                self._set_timer()

    @property
    def _is_keeping(self) -> bool:
        """Whether a flush waits for its events to be kept."""
        return self._keeping is not None and self._keeping.waiting

    def _set_timer(self) -> None:
        """Flush again when the next of those is due who are told at a rate of their own."""
        deadline = self._hub.next_deadline()
        if deadline is None or deadline >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._clock.call_at(deadline, self._on_timer), deadline

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        self._begin()

    async def flushed(self) -> None:
        """Wait until what was published is handed to the transports of all who keep up. Slow readers hold up nobody."""
        self.wake()
        if self._is_keeping and self._hub.waits_for_next:
            self._flushed_after = self._flushed_after or self._loop.create_future()
            await asyncio.shield(self._flushed_after)
        elif self._is_keeping or self._handle is not None:
            self._flushed = self._flushed or self._loop.create_future()
            await asyncio.shield(self._flushed)

    async def finish(self, within_s: float) -> None:
        """Flush everything; wait for it to be kept first, but not longer than `within_s` seconds."""
        if self._keeping is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self.flushed()
        self.flush()

    def flush(self) -> None:
        """Flush everything now, kept or not.

        What an aggregate publishes meanwhile is part of the flush that asked it.
        """
        if self._is_keeping:
            self._flush_at_once()
        self._flush_at_once()

    def _flush_at_once(self) -> None:
        """Flush what is sealed, or else seal and flush, without waiting for it to be kept."""
        if self._flushing:
            return
        if (self._is_keeping or self._seal()) and self._keeping is not None:
            self._keeping.give_up()
        self._tell()

    def _begin(self) -> None:
        """Seal what was published, and tell it: at once, or when it is kept."""
        if not self._flushing and not self._is_keeping and not self._seal():
            self._tell()

    def _seal(self) -> bool:
        """Draw the line up to which the next flush tells; tell whether it has to wait for its events to be kept."""
        started = self._loop.time()
        self._unschedule()
        self._flushing = True
        try:
            self._hub.seal()
            return self._keeping is not None and self._keeping.hand_over()
        finally:
            self._flushing = False
            self._sealing_s = self._loop.time() - started

    def _tell(self) -> None:
        """Flush what is sealed."""
        started = self._loop.time() - self._sealing_s
        self._flushing = True
        broken: list[Session] = []
        counts = self._hub.counts
        try:
            for delivery in self._hub.flush(self._clock.monotonic(), self._clock.utc()):
                buffer, _, messages = delivery.piece
                size = len(buffer)
                for session in delivery.sessions:
                    session.told_messages += messages
                    session.told_bytes += size
                    try:
                        session.write(buffer)
                    except Exception as error:  # some transports raise once they are closed: the others must hear it
                        logger.debug("client %s can't be written to: %s", session.client_id, error)
                        broken.append(session)
                counts.writes += len(delivery.sessions)
                counts.written_bytes += len(delivery.sessions) * size
                while broken:
                    self._hub.leave(broken.pop())
                if self._full:
                    full, self._full = self._full, []
                    for session in full:
                        self._hub.pause(session, delivery)
        finally:
            self._flushing = False
            self._tell_flushed()
            self._flushed, self._flushed_after = self._flushed_after, None
        ended = self._loop.time()
        counts.flush_s.observe(ended - started)
        self._not_before = ended + (ended - started)
        self.wake()

    def _tell_flushed(self) -> None:
        if self._flushed is not None:
            self._flushed.set_result(None)
            self._flushed = None

    def _run(self) -> None:
        self._handle = None
        self._begin()

    def _unschedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def pause(self, session: Session) -> None:
        """Park a session whose transport takes no more. During a flush it is only noted: the set is being walked."""
        session.paused = True
        if self._flushing:
            self._full.append(session)
        else:
            self._hub.pause(session)

    def drained(self, session: Session) -> None:
        """Let a parked session catch up."""
        self._hub.drained(session)
        self.wake()

    def close(self) -> None:
        """Flush no more."""
        if self._keeping is not None:
            self.flush()  # so that the keeper has everything
        self._unschedule()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_at = None, float("inf")
        self._tell_flushed()
