"""From the socket to the program: a bounded inbox, handlers, and a bounded queue for each iteration."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from fleetwire.client.message import Message

Handler = Callable[[Any], object]
"""Takes a message's `data` (or for "*" the `Message`); a plain or an async function."""

REPLY_ROOM = 16
"""How many times its bound the inbox may hold while an answer is waited for, which stands behind what it holds."""

logger = logging.getLogger("fleetwire.client")


class Queue:
    """What one iteration has not taken yet.

    Args:
        wants: tells whether a message belongs here.
        size_max: messages kept; then reading waits.
    """

    def __init__(self, wants: Callable[[Message], bool], size_max: int) -> None:
        self._wants = wants
        self._size_max = size_max
        self._messages: deque[Message] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._error: Exception | None = None
        self.closed = False

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._messages)

    def wants(self, message: Message) -> bool:
        """Tell whether a message belongs here; to be asked once for each."""
        return not self.closed and self._wants(message)

    async def put(self, message: Message) -> None:
        """Keep a message, as soon as there is room."""
        while len(self._messages) >= self._size_max and not self.closed:
            self._room.clear()
            await self._room.wait()
        if not self.closed:
            self._messages.append(message)
            self._news.set()

    async def take(self) -> Message:
        """Give the next message.

        Raises:
            StopAsyncIteration: there will be none, as the program disconnected.
            ClientError: there will be none, for this reason.
        """
        while not self._messages:
            if self.closed:
                raise self._error or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._messages.popleft()

    def end(self, error: Exception | None) -> None:
        """Let the iteration end after what is kept."""
        self._error = error
        self.closed = True
        self._news.set()
        self._room.set()

    def discard(self) -> None:
        """Drop everything: nobody iterates any more."""
        self._messages.clear()
        self.end(None)


class Handlers:
    """Who hears which type of message; it outlives connections."""

    def __init__(self) -> None:
        self._by_type: dict[str, list[Handler]] = {}

    def register(self, message_type: str, handler: Handler) -> None:
        """Let a handler hear a type, or everything ("*")."""
        self._by_type.setdefault(message_type, []).append(handler)

    async def tell(self, message: Message) -> None:
        """Call the handlers in the order of their registration, those of the type first."""
        for handler in tuple(self._by_type.get(message.type, ())):
            await self._call(handler, message.data, message.type)
        for handler in tuple(self._by_type.get("*", ())):
            await self._call(handler, message, message.type)

    async def _call(self, handler: Handler, argument: Any, message_type: str) -> None:
        """Call one; whatever it raises is its own and stops nothing."""
        try:
            result = handler(argument)
            if result is not None and inspect.isawaitable(result):
                await result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            logger.error("a handler of %r was cancelled from within: that message is lost to it", message_type)
        except Exception:
            logger.exception("a handler of %r failed: that message is lost to it", message_type)


class Delivery:
    """Hands messages over one after the other, in the order in which they came, from `connect` to the end.

    Args:
        handlers: who hears them first.
        size_max: messages kept in the inbox, and in the queue of each iteration.
        answers_due: tells how many answers are waited for.
    """

    def __init__(self, handlers: Handlers, size_max: int, answers_due: Callable[[], int]) -> None:
        self._handlers = handlers
        self._size_max = size_max
        self._answers_due = answers_due
        self._inbox: deque[Message] = deque()
        self._queues: list[Queue] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._run(), name="fleetwire client: delivery")

    def __len__(self) -> int:
        """How many messages wait, in the inbox and in the queues."""
        return len(self._inbox) + sum(map(len, self._queues))

    def open(self, wants: Callable[[Message], bool]) -> Queue:
        """Make a queue for an iteration."""
        queue = Queue(wants, self._size_max)
        self._queues.append(queue)
        return queue

    async def put(self, messages: Iterable[Message]) -> None:
        """Take messages from the socket; waits while the program is slow, so that the server learns of it."""
        for message in messages:
            while len(self._inbox) >= self._size_max and self._is_full():
                self._room.clear()
                await self._room.wait()
            self._inbox.append(message)
            self._news.set()

    def _is_full(self) -> bool:
        return len(self._inbox) >= self._size_max * (REPLY_ROOM if self._answers_due() else 1)

    def make_room(self) -> None:
        """Read on, as an answer is waited for."""
        self._room.set()

    def end(self, error: Exception) -> None:
        """Hand over what is there, then end all iterations with an error."""
        self._error = error
        self._ended = True
        self._news.set()

    async def stop(self) -> None:
        """End at once; a handler that asks for it itself is let finish."""
        self._ended = True
        self._inbox.clear()
        for queue in self._queues:
            queue.discard()
        self._news.set()
        if self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._inbox or not self._ended:
            if not self._inbox:
                self._news.clear()
                await self._news.wait()
                continue
            message = self._inbox.popleft()
            self._room.set()
            await self._handlers.tell(message)
            for queue in tuple(self._queues):
                if queue.wants(message):
                    await queue.put(message)
                if queue.closed:
                    self._queues.remove(queue)
        for queue in self._queues:
            if not queue.closed:
                queue.end(self._error)
