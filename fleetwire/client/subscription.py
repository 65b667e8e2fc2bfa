"""What `subscribe` gives: to be awaited, or to be iterated."""

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any

from fleetwire.client.conversation import Selection
from fleetwire.client.delivery import Queue
from fleetwire.client.message import Message
from fleetwire.wire.messages import SubscriptionResponseData

Subscribes = Callable[[Selection | None], Coroutine[Any, Any, SubscriptionResponseData]]


class Iteration(AsyncIterator[Message]):
    """Gives messages, one after the other; its queue exists as long as it does.

    Args:
        queue: what waits for it.
        begin: is awaited before the first message.
    """

    def __init__(self, queue: Queue, begin: Callable[[], Awaitable[object]] | None = None) -> None:
        self._queue = queue
        self._begin = begin

    async def __anext__(self) -> Message:
        """Give the next message.

        Raises:
            StopAsyncIteration: the client was disconnected.
            ClientError: the connection is lost for good, or the subscription was refused.
        """
        if self._begin is not None:
            await self._begin()
            self._begin = None
        return await self._queue.take()

    def __del__(self) -> None:
        """Let reading go on: nobody takes these messages any more."""
        self._queue.discard()


class Subscription:
    """Channels that are asked for as soon as this is awaited or iterated.

    Awaiting gives the server's answer. Every iteration asks anew, so that it begins with the current rows, and gives
    each message of these channels once. Leaving an iteration does not unsubscribe.

    Args:
        names: the channels.
        subscribe: asks the server.
        open_queue: makes a queue for a selection of messages.
    """

    def __init__(self, names: list[str], subscribe: Subscribes, open_queue: Callable[[Selection], Queue]) -> None:
        self._names = names
        self._subscribe = subscribe
        self._open_queue = open_queue
        self._used = False

    def __await__(self) -> Generator[Any, None, SubscriptionResponseData]:
        """Subscribe.

        Raises:
            SubscriptionError: the server refused every channel.
            RequestError: the server refused the request.
            RequestTimeoutError: no answer in time.
            NotConnectedError: there is no connection, and none will come.
        """
        self._used = True
        return self._subscribe(None).__await__()

    def __aiter__(self) -> Iteration:
        """Subscribe, and give the messages of these channels."""
        self._used = True
        selection = Selection(self._names)

        async def begin() -> None:
            await self._subscribe(selection)

        return Iteration(self._open_queue(selection), begin)

    def __del__(self) -> None:
        """Warn as a forgotten coroutine does: nothing was subscribed."""
        if not self._used:
            warnings.warn(f"subscribe({self._names}) was neither awaited nor iterated", RuntimeWarning, stacklevel=2)
