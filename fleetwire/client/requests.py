"""Which questions are open, and which answer belongs to which."""

import asyncio
from collections.abc import Iterator
from typing import Any

from fleetwire.client.message import Envelope
from fleetwire.client.protocol import Options

REPLY_OF = {"auth": "auth_response", "subscribe": "subscription_response", "unsubscribe": "subscription_response"}


class Request:
    """One open question.

    Args:
        request_id: its name.
        type: the type of its message.
        data: what is asked.
        names: the subscriptions that it is about.
        options: how they begin.
        restores: whether it asks again for what was subscribed on an earlier connection.
        renews: whether it asks for rows anew that are not known for certain.
    """

    def __init__(
        self,
        request_id: int,
        type: str,
        data: dict[str, Any],
        names: list[str],
        options: Options,
        restores: bool,
        renews: bool,
    ) -> None:
        self.id = request_id
        self.type = type
        self.data = data
        self.names = names
        self.options = options
        self.restores = restores
        self.renews = renews
        self.answer: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()


class Requests:
    """The open questions of one client, by id."""

    def __init__(self) -> None:
        self._open: dict[int | str, Request] = {}
        self._last_id = 0

    def __len__(self) -> int:
        """How many answers are waited for."""
        return len(self._open)

    def __iter__(self) -> Iterator[Request]:
        """Give the open questions, the oldest first."""
        return iter(self._open.values())

    def open(
        self,
        type: str,
        data: dict[str, Any],
        *,
        names: list[str] | None = None,
        options: Options | None = None,
        restores: bool = False,
        renews: bool = False,
    ) -> Request:
        """Name a new question; ids are never used twice."""
        self._last_id += 1
        request = Request(self._last_id, type, data, names or [], options or Options(), restores, renews)
        self._open[request.id] = request
        return request

    def close(self, request: Request) -> None:
        """Wait for its answer no more."""
        self._open.pop(request.id, None)
        request.answer.cancel()

    def answered_by(self, envelope: Envelope) -> Request | None:
        """Find the question that a message answers.

        A server that knows no ids answers in order: there the oldest question of the reply's kind is meant.
        """
        if envelope.type == "error":
            request_id = envelope.id if envelope.id is not None else envelope.fields.get("id")
            return self._open.get(request_id) if isinstance(request_id, int | str) else None
        if envelope.id is not None:
            request = self._open.get(envelope.id)
            return request if request and REPLY_OF.get(request.type) == envelope.type else None
        return next((request for request in self._open.values() if REPLY_OF[request.type] == envelope.type), None)

    def fail(self, error: Exception) -> None:
        """End all open questions: no answer will come."""
        for request in tuple(self._open.values()):
            if not request.answer.done():
                request.answer.set_exception(error)
                request.answer.exception()  # whoever waits is told; where nobody does, that is no news
