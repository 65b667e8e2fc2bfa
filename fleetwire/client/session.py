"""From `connect` to the end: one link after another, found again whenever it is lost."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from fleetwire.client.conversation import Conversation, subscribe_data
from fleetwire.client.delivery import Delivery, Handlers
from fleetwire.client.link import Link, LinkError, Settings
from fleetwire.client.message import Envelope
from fleetwire.client.protocol import Backoff, Options
from fleetwire.client.requests import Request
from fleetwire.client.secret import Secret
from fleetwire.client.status import Status
from fleetwire.wire.errors import (
    AuthenticationError,
    ClientError,
    CloseCode,
    NotConnectedError,
    RequestError,
    RequestTimeoutError,
)

logger = logging.getLogger("fleetwire.client")


class Tools(NamedTuple):
    """What all sessions of a client share.

    Args:
        settings: how connections are made.
        secret: the token.
        handlers: who hears messages.
        queue_max: messages kept in each queue.
        request_timeout_s: how long an answer is waited for.
        rng: draws the jitter.
    """

    settings: Settings
    secret: Secret
    handlers: Handlers
    queue_max: int
    request_timeout_s: float
    rng: random.Random


class Session:
    """Keeps a connection, for ever, unless the server says not to come back.

    Args:
        tools: what it works with.
        link: the first connection.
    """

    def __init__(self, tools: Tools, link: Link) -> None:
        self._tools = tools
        self._conversation = Conversation(tools.settings.clock)
        self._backoff = Backoff()
        self._ready = asyncio.Event()  # restored, or at the end: nobody has to wait
        self._must_authenticate = False
        self._refusal: ClientError | None = None
        self._stopping = False
        self._last_link = link
        self._lost: LinkError | None = None  # why there is no connection
        self._retry_at = 0.0
        self.link: Link | None = link
        self.authenticated = False
        self.ended: ClientError | None = None
        self.delivery = Delivery(tools.handlers, tools.queue_max, self._conversation.requests.__len__)
        self._task = asyncio.create_task(self._run(link), name="fleetwire client: connection")
        self._task.add_done_callback(self._abandon)

    @property
    def status(self) -> Status:
        """What the connection is like at this moment."""
        now = self._tools.settings.clock()
        if self.ended is not None:
            return Status("refused", str(self.ended))
        if self.link is not None:
            return Status("live" if self._ready.is_set() else "restoring", silent_s=self.link.silent_s)
        if self._lost is None:
            return Status("lost", retry_in_s=0.0)
        return Status("lost", self._say(self._lost), self._lost.code, max(0.0, self._retry_at - now))

    # ------------------------------------------------------------------------------------------------------ questions

    async def ask(
        self,
        type: str,
        data: dict[str, Any],
        *,
        names: list[str] | None = None,
        options: Options | None = None,
        asked: Callable[[int], None] | None = None,
    ) -> Envelope:
        """Ask the server something; where the connection is lost meanwhile, ask again on the next one.

        Args:
            type: of the message.
            data: what is asked.
            names: the subscriptions that it is about.
            options: how they begin.
            asked: is told the id of every question that is sent.

        Raises:
            RequestError: the server answered with an `error`.
            RequestTimeoutError: no answer in time.
            NotConnectedError: there is no connection, and none will come.
        """
        try:
            async with asyncio.timeout(self._tools.request_timeout_s):
                while True:
                    await self._ready.wait()
                    if self.ended is not None:
                        raise self.ended
                    if self.link is None:  # lost in this very moment
                        self._ready.clear()
                        continue
                    request = self._conversation.requests.open(type, data, names=names, options=options)
                    if asked is not None:
                        asked(request.id)
                    try:
                        return await self._answer(self.link, request)
                    except LinkError:
                        continue
        except TimeoutError:
            state = "no answer to" if self.link else "the connection is lost, so that there is no answer to"
            text = f"{state} {type} within {self._tools.request_timeout_s:g} s: try again, or look at the server"
            raise RequestTimeoutError(text) from None

    async def authenticate(self) -> Envelope:
        """Tell the server who the client is, now and on every later connection.

        Raises:
            AuthenticationError: it refuses the token.
        """
        token = await self._tools.secret.reveal()
        envelope = self._admitted(await self.ask("auth", {"token": token}))
        self._must_authenticate = self.authenticated = True
        return envelope

    async def stop(self, reason: ClientError) -> None:
        """End everything: what waits is told the reason, iterations end.

        Args:
            reason: what later questions are answered.
        """
        self._stopping = True
        self.ended = reason
        link, self.link = self.link, None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._conversation.requests.fail(reason)
        self._ready.set()
        try:
            if link is not None:
                await link.close()
        finally:
            await self.delivery.stop()

    async def _answer(self, link: Link, request: Request) -> Envelope:
        """Send a question and wait for its answer."""
        self.delivery.make_room()
        try:
            await link.send({"type": request.type, "data": request.data, "id": request.id})
            envelope = await request.answer
        finally:
            self._conversation.requests.close(request)
        if envelope.type == "error":
            fields = envelope.fields
            message = self._tools.secret.hush(str(fields.get("message")))
            raise RequestError(str(fields.get("code")), message, fields.get("temporary") is True)
        return envelope

    def _admitted(self, envelope: Envelope) -> Envelope:
        """Check an `auth_response`."""
        fields = envelope.fields
        if fields.get("status") == "authenticated" or fields.get("success") is True:
            return envelope
        text = f"{fields.get('error') or 'failed'}: {fields.get('message') or 'the server refused the token'}"
        raise AuthenticationError(self._tools.secret.hush(text))

    # ---------------------------------------------------------------------------------------------------- connections

    async def _run(self, first: Link) -> None:
        """Live through one connection after another."""
        link = first
        try:
            while True:
                lost = await self._live(link)
                link = await self._find_again(lost)
        except ClientError as error:
            self._finish(error)
        except Exception:
            logger.exception("the client failed; this is a defect of fleetwire")
            self._finish(NotConnectedError("the client failed: its log says how"))

    async def _live(self, link: Link) -> LinkError:
        """Keep one connection until it is lost, and tell how."""
        conversation, put = self._conversation, self.delivery.put
        self.link = self._last_link = link
        restoring = asyncio.create_task(self._restore(link))
        tasks = {restoring, asyncio.create_task(link.beat()), asyncio.create_task(link.watch())}
        try:
            await put(conversation.welcome(link.welcome, link.asked_at, link.dialect))
            while True:
                messages = conversation.take(await link.receive())
                for request in conversation.renewals():
                    renewing = asyncio.create_task(self._renew(link, request))
                    tasks.add(renewing)
                    renewing.add_done_callback(tasks.discard)
                await put(messages)
        except LinkError as lost:
            return lost
        finally:
            if not self._stopping:
                self.link = None
                self.authenticated = False
                self._ready.clear()
            conversation.requests.fail(LinkError("lost"))
            ending = list(tasks)
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _restore(self, link: Link) -> None:
        """Bring a new connection to where the last one was: authenticated, and subscribed to the same."""
        requests = self._conversation.requests
        try:
            async with asyncio.timeout(self._tools.request_timeout_s):
                if self._must_authenticate:
                    token = await self._tools.secret.reveal()
                    self._admitted(await self._answer(link, requests.open("auth", {"token": token})))
                    self.authenticated = True
                for names, options, since in self._conversation.resubscriptions():
                    data = subscribe_data(names, options, since)
                    request = requests.open("subscribe", data, names=names, options=options, restores=True)
                    await self._answer(link, request)
        except LinkError:
            return  # the reader tells of it
        except AuthenticationError as error:
            self._refusal = error
            link.abort()
        except Exception as error:  # no answer, a refusal, a token function that fails: the next try may do better
            logger.warning("%s: could not go on where the connection was lost: %s", link.url, self._say(error))
            link.abort()
        else:
            self._backoff.found(self._tools.settings.clock())
            self._ready.set()

    async def _renew(self, link: Link, request: Request) -> None:
        """Ask for the rows of a channel anew; where that fails, begin with a new connection."""
        try:
            async with asyncio.timeout(self._tools.request_timeout_s):
                answer = await self._answer(link, request)
            if answer.fields.get("rejected"):
                raise RequestError("rejected", "a channel is refused that was subscribed to", temporary=True)
        except LinkError:
            return  # the reader tells of it
        except Exception as error:
            logger.warning("%s: could not ask for a channel anew: %s", link.url, self._say(error))
            link.abort()

    async def _find_again(self, lost: LinkError) -> Link:
        """Try until there is a connection again.

        Raises:
            ClientError: the server does not want this client to come back.
        """
        settings = self._tools.settings
        level = logging.WARNING
        while True:
            if self._refusal is not None:
                raise self._refusal
            delay_s = self._backoff.next_delay_s(settings.clock(), self._tools.rng.random(), lost.code, lost.reason)
            if delay_s is None:
                refused = lost.code in (CloseCode.token_invalid.code, CloseCode.auth_timeout.code)
                kind = AuthenticationError if refused else NotConnectedError
                raise kind(f"{self._say(lost)}: the client does not come back by itself")
            self._lost, self._retry_at = lost, settings.clock() + delay_s
            logger.log(level, "%s; next try in %.1f s", self._say(lost), delay_s)
            level = logging.INFO  # a night without a server must not fill a log with warnings
            await settings.sleep(delay_s)
            try:
                link = await Link.open(settings)
            except LinkError as error:
                lost = error
            else:
                logger.warning("%s is found again", settings.url)
                return link

    def _finish(self, error: ClientError) -> None:
        """End for good."""
        logger.error("%s", error)
        self.ended = error
        self.link = None
        self._ready.set()
        self.delivery.end(error)

    def _abandon(self, _task: object) -> None:
        """Drop the connection of a task that was cancelled with its loop: nobody will close it any more."""
        if not self._stopping:
            self._last_link.abort()

    def _say(self, error: Exception) -> str:
        return self._tools.secret.hush(str(error) or type(error).__name__)
