"""`ExpertClient`: the reference expert. Reports, carries out each command once, and tells what became of it."""

import asyncio
import inspect
import itertools
import logging
import os
import random
import secrets
import ssl as tls
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Self

from fleetwire.client.address import websocket_url
from fleetwire.client.deadman import DeadMan, rule_of
from fleetwire.client.dialect import DIALECTS
from fleetwire.client.journal import ACCEPTED, BEGUN, Entry, Journal
from fleetwire.client.link import Link, LinkError, Settings, Sleep
from fleetwire.client.message import SET_S, Envelope, ServerClock
from fleetwire.client.orders import ENDS, URGENT, Inspector, Outcome, ReceivedCommand, Verdict, read_order
from fleetwire.client.protocol import Backoff
from fleetwire.client.secret import Secret
from fleetwire.wire.errors import AuthenticationError, ConfigError, NotConnectedError, StoreError
from fleetwire.wire.signature import derive_key

logger = logging.getLogger("fleetwire.client.expert")

WAITING_MAX: Final = 256
"""Commands that wait to be carried out; what comes above is not accepted, and so given again later."""
TOLD_MAX: Final = 256
"""Outcomes that a full report tells of."""
POINTS: Final = (
    *(f"{what}.{when}_write" for what in (ACCEPTED, BEGUN, "outcome") for when in ("before", "after")),
    *(f"{what}.{when}_send" for what in ("report", "ack") for when in ("before", "after")),
    "handler.before",
    "handler.after",
)
"""Before and after everything that is written, sent or done; `ExpertClient(at=...)` is told as each is passed."""
_MEMORY_LOST: Final = "the expert was stopped while it carried this out: look at the account what was done"
_NEVER_BEGUN: Final = "the expert was stopped before it began with this: nothing was done"

Result = Outcome | Mapping[str, Any] | None
Handler = Callable[[ReceivedCommand], Result | Awaitable[Result]]
"""Carries a command out. Gives how it ended, or results (then it is executed). What it raises makes it `failed`."""
Fields = Callable[[], Mapping[str, Any]]
"""Gives what an `ea_report` says of the moment, besides who says it: status, positions, paused, ..."""


class ExpertClient:
    """An expert, as it speaks to a command centre over WebSocket.

    Each command takes effect once: its id is on disk before it is carried out, and its outcome after, and both are told
    again until the centre knows. Only what is signed with this expert's own key is believed.

    Args:
        url: ws:// or wss://.
        token: of this expert.
        expert: who it is: `server`, `login`, `magic`, `symbol`, `name`.
        ea_id: the id by which it wants to be known.
        handler: carries commands out, one after another.
        journal: the file in which it remembers commands; one for each expert.
        supports: the commands that the handler knows.
        report: gives what it reports; what is left out is reported as it is without.
        interval_s: seconds between two reports.
        shared_token: the token is one that others know as well (the server's `auth_token`, or `expert_token`). Then
            there is no key, commands come unsigned, and are taken so.
        recover: is asked about a command that was begun and whose end is not known, since the expert was stopped;
            gives its outcome. Without it that is `partial`, and says so.
        ssl: the TLS context for wss://; None for the system's own certificates.
        at: is told each point at which something was, or is about to be, written or sent; a test kills here.
        clock: gives monotonic seconds.
        sleep: waits for some seconds.

    Raises:
        ConfigError: an argument is wrong.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        expert: Mapping[str, Any],
        ea_id: int,
        handler: Handler,
        journal: str | os.PathLike[str],
        supports: Iterable[str],
        report: Fields = dict,
        interval_s: float = 1.0,
        shared_token: bool = False,
        recover: Handler | None = None,
        ssl: tls.SSLContext | None = None,
        at: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if interval_s <= 0:
            raise ConfigError("interval_s must be above 0")
        self.url = websocket_url(url)
        self.boot_id = secrets.token_hex(8)
        self.ea_id = ea_id
        self.journal = Journal(journal)
        self.refused: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        """How many commands were not carried out, and why."""
        self._secret = Secret(token)
        self._expert = dict(expert)
        self._handler, self._recover = handler, recover
        self._supports = frozenset(supports)
        self._report = report
        self._interval_s = interval_s
        self._at, self._clock, self._sleep = at, clock, sleep
        key = None if shared_token else derive_key(token)
        self._inspector = Inspector(key, self._supports, self.journal, self.boot_id)
        self._settings = Settings(self.url, ssl, tuple(DIALECTS)[:1], False, 10.0, None, None, clock, sleep)
        self._rng = random.Random()  # noqa: S311 - jitter, no secret
        self._link: Link | None = None
        self._server_clock = ServerClock(clock)
        self._deadman = DeadMan(clock())
        self._queue: asyncio.PriorityQueue[tuple[int, int, float, ReceivedCommand]] = asyncio.PriorityQueue(WAITING_MAX)
        self._numbers = itertools.count()
        self._accepting = asyncio.Lock()
        self._reported_in_full = False
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        """Show who it is, and never the token."""
        return f"<ExpertClient {self.ea_id} {self.url} {'connected' if self._link else 'not connected'}>"

    @property
    def connected(self) -> bool:
        """Whether the centre hears it at this moment."""
        return self._link is not None

    # ------------------------------------------------------------------------------------------------------ start, stop

    async def run(self) -> None:
        """Live until cancelled: connect, again and again, report, and carry commands out.

        Raises:
            AuthenticationError: the server refuses the token.
            NotConnectedError: the server does not want it to come back.
            StoreError: its journal can't be written any more: it must be started anew.
            ConfigError: its journal can't be read.
        """
        await asyncio.to_thread(self.journal.open)
        try:
            await self._settle_interrupted()
            self._deadman.rule = rule_of(self.journal.note("dead_man"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_connected())
                tasks.create_task(self._carry_out_in_turn())
                tasks.create_task(self._watch_the_centre())
        except* (AuthenticationError, NotConnectedError, StoreError) as group:
            raise group.exceptions[0] from None
        finally:
            self.journal.close()

    async def __aenter__(self) -> Self:
        """Start."""
        self._tasks = [asyncio.create_task(self.run(), name=f"fleetwire expert {self.ea_id}")]
        self._tasks[0].add_done_callback(self._say_why_it_ended)
        return self

    def _say_why_it_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("EA %d takes no commands any more: %s", self.ea_id, self._secret.hush(str(error)))

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle_interrupted(self) -> None:
        """End what the run before did not: what it had not begun is not begun any more."""
        for entry in self.journal.newest(TOLD_MAX):
            if entry.status == ACCEPTED:
                await self._remember(entry.id, Outcome("failed", {"error": _NEVER_BEGUN}), entry.issued)
            elif entry.status == BEGUN:
                outcome = Outcome("partial", {"error": _MEMORY_LOST, "interrupted": True})
                if self._recover is not None:
                    command = ReceivedCommand(entry.id, entry.command, entry.params, entry.issued, 0)
                    outcome = await _outcome_of(self._recover, command)
                await self._remember(entry.id, outcome, entry.issued)

    # ------------------------------------------------------------------------------------------------------ the link

    async def _stay_connected(self) -> None:
        backoff = Backoff()
        while True:
            try:
                link = await Link.open(self._settings)
                try:
                    await self._live(link, backoff)
                finally:
                    self._link = None
                    link.abort()
            except LinkError as lost:
                delay_s = backoff.next_delay_s(self._clock(), self._rng.random(), lost.code, lost.reason)
                if delay_s is None:
                    raise NotConnectedError(f"{self._secret.hush(str(lost))}: the expert does not come back") from None
                logger.info("%s; next try in %.1f s", self._secret.hush(str(lost)), delay_s)
                await self._sleep(delay_s)

    async def _live(self, link: Link, backoff: Backoff) -> None:
        """Speak on one connection until it is lost.

        Raises:
            LinkError: it is.
        """
        asked_at = link.asked_at
        self._server_clock = ServerClock(self._clock)  # a server whose clock was set right is believed anew
        for envelope in link.dialect.read(link.welcome):
            self._server_clock.learn(envelope.fields.get("server_time"), asked_at, self._clock())
        await link.send({"type": "auth", "data": {"token": await self._secret.reveal()}})
        self._reported_in_full = False
        tasks = [asyncio.create_task(self._beat(link)), asyncio.create_task(link.watch())]
        try:
            while True:
                payload = await link.receive()
                self._deadman.heard(self._clock())
                for envelope in link.dialect.read(payload):
                    if await self._take(link, envelope):
                        backoff.found(self._clock())
                        tasks.append(asyncio.create_task(self._report_on(link)))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, link: Link, envelope: Envelope) -> bool:
        """Take a message; tell whether it is what lets reports begin."""
        fields = envelope.fields
        if envelope.type == "auth_response":
            if fields.get("status") != "authenticated":
                raise AuthenticationError(self._secret.hush(f"the server refused the expert: {fields.get('message')}"))
            self._link = link
            return True
        if envelope.type == "heartbeat_response":
            asked_at = fields.get("client_time")
            if isinstance(asked_at, float):
                self._server_clock.learn(fields.get("server_time"), asked_at, self._clock())
        elif envelope.type == "command":
            await self._take_command(link, envelope)
        elif envelope.type == "error":
            logger.warning("the server refused something: %s", self._secret.hush(str(fields.get("message"))))
        return False

    async def _beat(self, link: Link) -> None:
        """Ask for signs of life: as often as the server wants, and often enough for the dead-man rule."""
        beaten_at = self._clock()
        try:
            while True:
                await self._sleep(min(1.0, link.heartbeat_interval_s))
                now = self._clock()
                if now - beaten_at >= min(link.heartbeat_interval_s, self._deadman.beat_s):
                    beaten_at = now
                    await self._ask_time(link)
        except LinkError:
            return  # the reader tells of it

    async def _ask_time(self, link: Link) -> None:
        await link.send({"type": "heartbeat", "data": {"client_time": self._clock()}})

    async def _report_on(self, link: Link) -> None:
        """Report on a timer; the first report on a connection is a full one, and tells of commands."""
        try:
            while True:
                data = {**self._report(), "expert": self._expert, "ea_id": self.ea_id, "boot_id": self.boot_id}
                data |= {"interval_s": self._interval_s, "supports": sorted(self._supports)}
                if not self._reported_in_full:
                    data["commands"] = [_outcome_said(entry) for entry in self.journal.newest(TOLD_MAX)]
                    self._reported_in_full = True
                self._at("report.before_send")
                await link.send({"type": "ea_report", "data": data})
                self._at("report.after_send")
                await self._sleep(self._interval_s)
        except LinkError:
            return  # the reader tells of it

    # ------------------------------------------------------------------------------------------------------- commands

    async def _take_command(self, link: Link, envelope: Envelope) -> None:
        """Look at a command that came; what is genuine and new waits for its turn, on disk."""
        order = read_order(envelope.data)
        if order is None:
            self._refuse(Verdict.unreadable, "")
            return
        verdict, command = self._inspector.look(order, self.ea_id, self._now_ms(order.server_time))
        if verdict is Verdict.known and command is not None:
            entry = self.journal.find(command.command_id)
            if entry is not None:
                await self._tell(entry)
        elif command is None or verdict in (Verdict.misdirected, Verdict.replayed, Verdict.outdated):
            self._refuse(verdict, order.id)
        elif verdict is Verdict.new:
            await self._accept(command, self._now_ms(order.server_time))
        elif verdict is Verdict.expired and self._now_ms(0) - order.server_time > SET_S * 1000:
            await self._ask_time(link)  # the server's clock may have been set: it gives the command again, to be judged
        else:
            self._refuse(verdict, command.command_id)
            status = "expired" if verdict is Verdict.expired else "rejected"
            await self._finish(command, Outcome(status, {"error": f"the command {verdict.value}"}))

    def _refuse(self, verdict: Verdict, command_id: str) -> None:
        self.refused[verdict] += 1
        logger.warning("command %.64r was not carried out: it %s", command_id, verdict.value)

    async def _accept(self, command: ReceivedCommand, now_ms: int) -> None:
        if self._queue.full():
            return  # not accepted: the centre gives it again
        entry = Entry(command.command_id, ACCEPTED, command.issued_ms, command=command.command, params=command.params)
        await self._write(entry)
        until = self._clock() + (command.expires_ms - now_ms) / 1000  # by the clock that nobody sets
        self._queue.put_nowait((command.command != URGENT, next(self._numbers), until, command))
        await self._tell(entry)

    async def _carry_out_in_turn(self) -> None:
        while True:
            _, _, until, command = await self._queue.get()
            if self._clock() >= until:
                text = "its time was over before its turn came"
                await self._finish(command, Outcome("expired", {"error": text}))
                continue
            begun = Entry(command.command_id, BEGUN, command.issued_ms, command=command.command, params=command.params)
            await self._write(begun)
            self._at("handler.before")
            outcome = await self._carry_out(command)
            self._at("handler.after")
            await self._finish(command, outcome)

    async def _carry_out(self, command: ReceivedCommand) -> Outcome:
        if command.command != "dead_man":
            return await _outcome_of(self._handler, command)
        self._deadman.rule = rule_of(command.params)
        await asyncio.to_thread(self.journal.keep_note, "dead_man", dict(command.params))
        return Outcome("executed", dict(command.params))

    async def _finish(self, command: ReceivedCommand, outcome: Outcome) -> None:
        await self._tell(await self._remember(command.command_id, outcome, command.issued_ms))

    async def _remember(self, command_id: str, outcome: Outcome, issued_ms: int) -> Entry:
        entry = Entry(command_id, outcome.status, issued_ms, outcome.results)
        await self._write(entry)
        return entry

    async def _write(self, entry: Entry) -> None:
        """Put an entry on disk."""
        self._at(f"{entry.status if entry.status in (ACCEPTED, BEGUN) else 'outcome'}.before_write")
        async with self._accepting:
            await asyncio.to_thread(self.journal.write, entry)
        self._at(f"{entry.status if entry.status in (ACCEPTED, BEGUN) else 'outcome'}.after_write")

    async def _tell(self, entry: Entry) -> None:
        """Tell the centre what is known of a command; where it can't be reached, the next full report does."""
        link = self._link
        if link is None:
            return
        data = {**_outcome_said(entry), "ea_id": self.ea_id, "boot_id": self.boot_id}
        self._at("ack.before_send")
        try:
            await link.send({"type": "command_ack", "data": data})
        except LinkError:
            return
        self._at("ack.after_send")

    def _now_ms(self, said_ms: int) -> int:
        """Give the server's time, as well as it is known: never earlier than what a message just said."""
        now_s = self._server_clock.now_s()
        return max(said_ms, 0 if now_s is None else round(now_s * 1000))

    # ------------------------------------------------------------------------------------------------------- the rule

    async def _watch_the_centre(self) -> None:
        """Do what the dead-man rule says, once for each time that the centre is gone."""
        for number in itertools.count(1):
            while (wait_s := self._deadman.wait_s(self._clock())) > 0:
                await self._sleep(wait_s)
            rule = self._deadman.fire()
            logger.error("the centre has not been heard for %g s: %s", rule.after_s, rule.action)
            now_ms = self._now_ms(0)
            local = ReceivedCommand(f"dead-man-{self.boot_id}-{number}", rule.command, {}, now_ms, now_ms)
            outcome = await _outcome_of(self._handler, local)
            logger.error("%s: %s", rule.command, outcome.status)


async def _outcome_of(handler: Handler, command: ReceivedCommand) -> Outcome:
    """Let a handler carry a command out."""
    try:
        given = handler(command)
        result = await given if inspect.isawaitable(given) else given
        if isinstance(result, Outcome):
            return result
        return Outcome("executed", dict(result or {}))
    except Exception as error:
        logger.exception("command %s failed", command.command_id)
        return Outcome("failed", {"error": str(error) or type(error).__name__})


def _outcome_said(entry: Entry) -> dict[str, Any]:
    """Say what is known of a command: one that is begun with counts as accepted."""
    status = entry.status if entry.status in ENDS else ACCEPTED
    return {"command_id": entry.id, "status": status, "results": entry.results}
