"""Events are kept before they are told: what is sealed goes to a keeper, and the flush waits, but not for good."""

import logging
from collections.abc import Callable

from fleetwire.hub.hub import Hub
from fleetwire.ports import Clock, EventKeeper, KeptEvent, Timer
from fleetwire.wire.moment import Moment

logger = logging.getLogger("fleetwire.server")


class Keeping:
    """Hands over what each flush is about to tell.

    A keeper that does not answer within `keep_deadline_s` is waited for no more, until it answers again.

    Args:
        hub: whose events are kept.
        clock: for the deadline, and the time of the events.
        keeper: keeps them.
        go_on: called when the flush that waited may tell them.
    """

    def __init__(self, hub: Hub, clock: Clock, keeper: EventKeeper, go_on: Callable[[], None]) -> None:
        self._hub = hub
        self._clock = clock
        self._keeper = keeper
        self._go_on = go_on
        self.waiting = False
        self._turn = 0  # counts what was handed over
        self._events = 0  # in the last of these
        self._is_late = False
        self._deadline: Timer | None = None

    def hand_over(self) -> bool:
        """Hand over the events that are sealed; tell whether they have to wait until they are kept."""
        self._turn += 1
        turn = self._turn
        events = sealed_events(self._hub, self._clock.moment())
        self._events = len(events)
        self.waiting = True
        try:
            must_wait = self._keeper.keep_events(events, lambda: self._on_kept(turn))
        except Exception:  # a defect there must not keep everything from everybody
            logger.exception("%d events could not be handed over to be kept", len(events))
            must_wait, self._is_late = True, True
        if not must_wait:
            self.waiting = False
        elif self._is_late:
            self.give_up()
        elif self.waiting:
            deadline = self._clock.monotonic() + self._hub.limits.keep_deadline_s
            self._deadline = self._clock.call_at(deadline, self._on_deadline)
        return self.waiting

    def give_up(self) -> None:
        """Wait no longer: what is told now may not be kept."""
        self._hub.counts.told_unkept += self._events
        self._end()

    def _on_kept(self, turn: int) -> None:
        self._is_late = False
        if not self.waiting or turn != self._turn:
            return
        at_once = self._deadline is None  # while it is being handed over
        self._end()
        if not at_once:
            self._go_on()

    def _on_deadline(self) -> None:
        deadline_s = self._hub.limits.keep_deadline_s
        logger.error("events were not kept within %g s: they are told without, until the store answers", deadline_s)
        self._is_late = True
        self.give_up()
        self._go_on()

    def _end(self) -> None:
        self.waiting = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def sealed_events(hub: Hub, moment: Moment) -> list[KeptEvent]:
    """Give the events that are sealed as they are kept, and with each who may hear it."""
    return [
        KeptEvent(channel, entry.position, entry.seq, entry.key, _utc_ms(entry.at, moment), entry.payload, entry.labels)
        for channel, entry in hub.sealed_events()
    ]


def _utc_ms(at: float, moment: Moment) -> int:
    """Turn monotonic seconds into milliseconds since 1970."""
    return moment.utc_ms - round((moment.now - at) * 1000)
