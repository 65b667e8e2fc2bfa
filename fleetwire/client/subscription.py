"""What `subscribe` gives: to be awaited, or to be iterated; and which messages an iteration chooses."""

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any

from fleetwire.client.conversation import accepted_of, mapping
from fleetwire.client.delivery import Queue
from fleetwire.client.message import Message
from fleetwire.client.protocol import Options, Positions, channel_of, is_event, names_in
from fleetwire.wire.channels import EVERYTHING
from fleetwire.wire.messages import SubscriptionResponseData


class Selection:
    """Chooses the messages of one iteration: from the reply on that answers its subscription, each once.

    Args:
        names: the subscriptions.
        options: how they begin.
    """

    def __init__(self, names: list[str], options: Options | None = None) -> None:
        self._options = options or Options()
        self._request_id: int | None = None
        self._names = frozenset(names)
        self._channels = {channel_of(name) for name in names}
        self._positions = Positions()
        self._ends: set[str] = set()  # subscriptions of whose past an end is due; others' ends are not its own
        self._begun = False

    def expect(self, request_id: int) -> None:
        """Begin with the answer to this question."""
        self._request_id = request_id

    def wants(self, message: Message) -> bool:
        """Tell whether a message belongs to the iteration, and note that it was given."""
        if message.channel is None:
            return self._wants_word(message, mapping(message.data))
        if not self._begun or not self._names_it(message.channel, message.key):
            return False
        return message.position is None or self._positions.heard(message.channel, message.key, message.position)

    def _names_it(self, channel: str, key: str | None) -> bool:
        names = self._names
        return channel in names or EVERYTHING in names or (key is not None and f"{channel}:{key}" in names)

    def _wants_word(self, message: Message, data: Mapping[str, Any]) -> bool:
        """Learn from what the server itself says, and tell whether it is said to the iteration, too."""
        if message.type == "subscription_response":
            self._learn(message, data)
        elif message.type == "gap" and self._begun:
            channel = data.get("channel")
            if isinstance(channel, str) and not is_event(channel):  # its rows are about to be told anew
                self._ends.update(self._positions.renew(channel))
            return EVERYTHING in self._channels or channel in self._channels
        elif message.type == "snapshot_end":
            ended = self._ends.intersection(names_in(data, "channels"))
            self._ends -= ended
            return bool(ended)
        return False

    def _learn(self, message: Message, data: Mapping[str, Any]) -> None:
        """Begin with the own reply; follow the epochs and the new beginnings of later ones."""
        epoch, position = data.get("epoch"), data.get("position")
        position = position if isinstance(position, int) else None
        own = not self._begun and message.id == self._request_id
        self._begun = self._begun or own
        names = set(accepted_of(self._names, data)) if self._begun else set()
        if own:
            self._ends = {name for name in names if is_event(name) or self._options.snapshot}
        self._positions.begin(names, None, Options())
        self._positions.learn_epoch(epoch if isinstance(epoch, str) else None)
        recovered = mapping(data.get("recovered"))
        resumed = [name for name in names if name in recovered]
        self._positions.resume(resumed, position, recovered)
        self._ends |= set(resumed)


def everything(message: Message) -> bool:
    """Choose what an iteration over the whole client gives: what was published, losses, and ends of snapshots."""
    return message.channel is not None or message.type in ("gap", "snapshot_end")


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
        options: how they begin.
        subscribe: asks the server.
        open_queue: makes a queue for a selection of messages.
    """

    def __init__(
        self, names: list[str], options: Options, subscribe: Subscribes, open_queue: Callable[[Selection], Queue]
    ) -> None:
        self._names = names
        self._options = options
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
        selection = Selection(self._names, self._options)

        async def begin() -> None:
            await self._subscribe(selection)

        return Iteration(self._open_queue(selection), begin)

    def __del__(self) -> None:
        """Warn as a forgotten coroutine does: nothing was subscribed."""
        if not self._used:
            warnings.warn(f"subscribe({self._names}) was neither awaited nor iterated", RuntimeWarning, stacklevel=2)
