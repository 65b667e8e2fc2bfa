"""Performs what the hub decides: one flush at the end of a turn of the loop, one write per session and piece."""

import asyncio
import logging

from fleetwire.hub.hub import Hub
from fleetwire.hub.session import Session
from fleetwire.ports import Clock

logger = logging.getLogger("fleetwire.server")


class Pump:
    """Flushes the hub.

    An isolated message leaves at the end of the turn, without a timer. Under load the next flush starts no earlier than
    the last one took: half of the time stays for input, and messages join by themselves.

    Args:
        hub: what is flushed.
        clock: stamps what the hub itself has to say.
        loop: where the flushes run.
    """

    def __init__(self, hub: Hub, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._clock = clock
        self._loop = loop
        self._handle: asyncio.Handle | None = None
        self._not_before = 0.0
        self._flushing = False
        self._full: list[Session] = []  # whose transport took no more during this flush
        self._flushed: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Flush soon, if there is something to flush; at once, if there is too much."""
        if self._hub.must_flush:
            self.flush()
        elif self._handle is None and not self._flushing and self._hub.dirty:
            wait_s = self._not_before - self._loop.time()
            self._handle = self._loop.call_soon(self._run) if wait_s <= 0 else self._loop.call_later(wait_s, self._run)

    async def flushed(self) -> None:
        """Wait until what was published is handed to the transports of all who keep up. Slow readers hold up nobody."""
        self.wake()
        if self._handle is not None:
            if self._flushed is None:
                self._flushed = self._loop.create_future()
            await asyncio.shield(self._flushed)

    def flush(self) -> None:
        """Flush now. What an aggregate publishes meanwhile is part of the flush that asked it."""
        if self._flushing:
            return
        started = self._loop.time()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._flushing = True
        broken: list[Session] = []
        try:
            for delivery in self._hub.flush(self._clock.monotonic(), self._clock.utc()):
                buffer = delivery.piece.buffer
                for session in delivery.sessions:
                    try:
                        session.write(buffer)
                    except Exception as error:  # some transports raise once they are closed: the others must hear it
                        logger.debug("client %s can't be written to: %s", session.client_id, error)
                        broken.append(session)
                while broken:
                    self._hub.leave(broken.pop())
                if self._full:
                    full, self._full = self._full, []
                    for session in full:
                        self._hub.pause(session, delivery.piece.position)
        finally:
            self._flushing = False
            self._tell_flushed()
        ended = self._loop.time()
        self._not_before = ended + (ended - started)
        self.wake()

    def _tell_flushed(self) -> None:
        if self._flushed is not None:
            self._flushed.set_result(None)
            self._flushed = None

    def _run(self) -> None:
        self._handle = None
        self.flush()

    def pause(self, session: Session) -> None:
        """Park a session whose transport takes no more. During a flush it is only noted: the set is being walked."""
        session.paused = True
        if self._flushing:
            self._full.append(session)
        else:
            self._hub.pause(session, self._hub.flushed)

    def drained(self, session: Session) -> None:
        """Let a parked session catch up."""
        self._hub.drained(session)
        self.wake()

    def close(self) -> None:
        """Flush no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._tell_flushed()
