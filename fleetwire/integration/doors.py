"""Ways to an expert: the session, or the source, by which it was last heard; and a command as it goes that way."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from fleetwire.fleet.commands import Command, signed
from fleetwire.ports import Speaker
from fleetwire.wire.messages import Order, OrderData
from fleetwire.wire.moment import Moment
from fleetwire.wire.signature import canonical, sign
from fleetwire.wire.tokens import Holder


class Door(Protocol):
    """A way by which commands reach an expert."""

    @property
    def is_open(self) -> bool:
        """Whether anything can be handed over here now."""

    @property
    def holder(self) -> Holder:
        """By which token the expert, or what speaks for it, came in."""

    @property
    def address(self) -> str:
        """Where it is, for an audit."""

    def give(self, order: OrderData, at: Moment) -> bool:
        """Hand a command over, without waiting; tells whether it went out."""


class SessionDoor(NamedTuple):
    """A WebSocket session on which an expert reported."""

    session: Speaker

    @property
    def is_open(self) -> bool:
        """Whether it is connected, and reads."""
        return not self.session.closing and not self.session.paused

    @property
    def holder(self) -> Holder:
        """Whose token it is."""
        return self.session.holder

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.session.address

    def give(self, order: OrderData, at: Moment) -> bool:
        """Write it to the session; never through a log, where others would find it."""
        return self.session.tell(Order(data=order, timestamp=at.utc))


class SourceDoor(NamedTuple):
    """A source that reported an expert, and takes commands as well: a folder, the simulator.

    Args:
        name: of the source.
        pass_on: takes a command for one of its experts, without waiting.
    """

    name: str
    pass_on: Callable[[dict[str, Any]], None]

    @property
    def is_open(self) -> bool:
        """Always: what a source can't pass on, it is given again."""
        return True

    @property
    def holder(self) -> Holder:
        """Nobody's token: whoever may write into the folder is trusted by the system it is on."""
        return Holder()

    @property
    def address(self) -> str:
        """Name the source."""
        return self.name

    def give(self, order: OrderData, at: Moment) -> bool:  # noqa: ARG002  (a session needs the time)
        """Pass it on."""
        self.pass_on(msgspec.to_builtins(order))
        return True


class Place:
    """Where an expert is now.

    Args:
        door: the way to it.
        boot_id: the run of it that is there.
    """

    __slots__ = ("boot_id", "door", "given", "token_id")

    def __init__(self, door: Door, boot_id: str) -> None:
        self.door = door
        self.boot_id = boot_id
        self.token_id = door.holder.token_id
        self.given: set[str] = set()  # commands that were handed over here, and not answered yet

    @property
    def is_open(self) -> bool:
        """Whether anything can be handed over here now."""
        return self.is_held and self.door.is_open

    @property
    def is_held(self) -> bool:
        """Whether the door still is whose it was: a session can become somebody else."""
        return self.door.holder.token_id == self.token_id


def order_of(command: Command, key: bytes | None, at: Moment) -> OrderData:
    """Write a command as it is handed to its expert.

    Args:
        command: that was delivered: it names the run that it is for.
        key: the expert's; None where it has none, and the command stays unsigned.
        at: now.
    """
    said = signed(command)
    text = canonical(said)
    return OrderData(
        id=said.command_id,
        target=said.ea_id,
        command=said.command,
        params=said.params,
        issued=said.issued_ms,
        expires=said.expires_ms,
        nonce=said.nonce,
        boot_id=said.boot_id,
        signed=text.decode(),
        signature=sign(key, text) if key is not None else "",
        server_time=at.utc_ms,
    )
