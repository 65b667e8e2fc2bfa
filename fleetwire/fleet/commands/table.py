"""The one table of commands: what an expert can be told, with which parameters, and how urgent it is."""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from fleetwire.fleet.events import Lots, Price, Side, Symbol, Ticket
from fleetwire.wire.errors import CommandError, ErrorCode

Volume = Annotated[float, Meta(gt=0, le=1e9)]
"""A volume in lots, more than none."""
Percent = Annotated[float, Meta(gt=0, le=100)]
Points = Annotated[int, Meta(ge=0, le=1_000_000)]
Comment = Annotated[str, Meta(max_length=31, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
"""MetaTrader cuts an order's comment after 31 characters."""
ParameterName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}\Z")]
ParameterText = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
ParameterNumber = Annotated[float, Meta(ge=-1e15, le=1e15)]
ParameterInteger = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""What every JSON reader takes for the same number."""
OrderType = Literal["buy", "sell", "buy_limit", "sell_limit", "buy_stop", "sell_stop"]


class Priority(IntEnum):
    """What goes first; those of one priority go in the order in which they were issued."""

    emergency = 0
    closing = 1
    normal = 2


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a command has to say. None is left out of what is sent."""


class NoParams(Params, frozen=True, kw_only=True):
    """Nothing."""


class ClosePositions(Params, frozen=True, kw_only=True):
    """Which of the expert's positions; those that meet every condition given."""

    symbol: Symbol | None = None
    type: Side | None = None
    result: Literal["profit", "loss"] | None = None


class ClosePosition(Params, frozen=True, kw_only=True):
    """One position; `volume` in lots closes a part of it."""

    ticket: Ticket
    volume: Volume | None = None


class ModifyPosition(Params, frozen=True, kw_only=True):
    """New stops of a position; 0 removes one, and what is not given stays."""

    ticket: Ticket
    sl: Price | None = None
    tp: Price | None = None

    def __post_init__(self) -> None:
        """Refuse what changes nothing."""
        if self.sl is None and self.tp is None:
            raise ValueError("give sl, tp, or both")


class CancelOrders(Params, frozen=True, kw_only=True):
    """Which pending orders; all of the expert's where neither is given."""

    symbol: Symbol | None = None
    ticket: Ticket | None = None


class PlaceOrder(Params, frozen=True, kw_only=True):
    """An order. `price` is needed by pending orders, and not taken by those at market; `deviation` in points."""

    symbol: Symbol
    type: OrderType
    volume: Volume
    price: Price | None = None
    sl: Price | None = None
    tp: Price | None = None
    deviation: Points | None = None
    comment: Comment | None = None

    def __post_init__(self) -> None:
        """Refuse a pending order without its price, and a price where the market makes it."""
        pends = "_" in self.type
        if pends and not self.price:
            raise ValueError(f"a {self.type} needs a price above 0")
        if not pends and self.price is not None:
            raise ValueError(f"a {self.type} is at market: leave price out, or give type {self.type}_limit")


class AdjustRisk(Params, frozen=True, kw_only=True):
    """How much is risked: percent of the balance for each trade, a fixed volume, or both bounds."""

    risk_percent: Percent | None = None
    volume: Volume | None = None
    volume_max: Lots | None = None

    def __post_init__(self) -> None:
        """Refuse what changes nothing."""
        if self.risk_percent is None and self.volume is None and self.volume_max is None:
            raise ValueError("give risk_percent, volume or volume_max")


class SetParameter(Params, frozen=True, kw_only=True):
    """One input of the expert, by the name that it has there."""

    name: ParameterName
    value: bool | ParameterInteger | ParameterNumber | ParameterText


class MaxPositions(Params, frozen=True, kw_only=True):
    """How many positions the expert may have open; 0 lets it open none."""

    count: Annotated[int, Meta(ge=0, le=10_000)]


class DeadMan(Params, frozen=True, kw_only=True):
    """What the expert does by itself once it has not heard the centre for `after_s` seconds."""

    after_s: Annotated[float, Meta(ge=5, le=86_400)]
    action: Literal["none", "pause", "close"]


class EmergencyStop(Params, frozen=True, kw_only=True):
    """Stop at once; `close` also closes every position and cancels every order."""

    close: bool = True


class CommandKind(Struct, frozen=True, kw_only=True):
    """One command.

    Args:
        params: what it has to say.
        meaning: one line for people.
        closes: it only takes risk away: no blackout, pause or rate ever blocks it.
        priority: what it overtakes.
    """

    params: type[Params]
    meaning: str
    closes: bool = False
    priority: Priority = Priority.normal


def _closing(params: type[Params], meaning: str) -> CommandKind:
    return CommandKind(params=params, meaning=meaning, closes=True, priority=Priority.closing)


def _normal(params: type[Params], meaning: str) -> CommandKind:
    return CommandKind(params=params, meaning=meaning)


COMMANDS: Final[dict[str, CommandKind]] = {
    "emergency_stop": CommandKind(
        params=EmergencyStop,
        meaning="stop trading at once, and close everything unless told not to",
        closes=True,
        priority=Priority.emergency,
    ),
    "close_all": _closing(NoParams, "close all of the expert's positions and cancel its pending orders"),
    "close_positions": _closing(ClosePositions, "close those of the expert's positions that meet the conditions"),
    "close_position": _closing(ClosePosition, "close one position, or a part of it"),
    "cancel_orders": _closing(CancelOrders, "cancel pending orders"),
    "pause": _normal(NoParams, "open no new positions; go on managing those that are open"),
    "resume": _normal(NoParams, "trade again after a pause or an emergency stop"),
    "modify_position": _normal(ModifyPosition, "move a position's stop loss or take profit"),
    "place_order": _normal(PlaceOrder, "place an order, at market or pending"),
    "adjust_risk": _normal(AdjustRisk, "change how much is risked"),
    "set_parameter": _normal(SetParameter, "set one input of the expert"),
    "dead_man": _normal(DeadMan, "what to do when the centre has not been heard for so long: nothing, pause, or close"),
    "max_positions": _normal(MaxPositions, "bound how many positions may be open"),
}
"""Every command there is."""

_PLACE: Final = " - at `$."


def kind_of(command: str) -> CommandKind:
    """Give a command's line of the table.

    Raises:
        CommandError: there is no such command.
    """
    kind = COMMANDS.get(command)
    if kind is None:
        raise CommandError(ErrorCode.invalid_data, f"there is no command {command!r:.60}{near(command, COMMANDS)}")
    return kind


def read_params(command: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check a command's parameters, and give them as they are kept and signed: without what is not given.

    Args:
        command: its name.
        params: as the operator gave them.

    Raises:
        CommandError: there is no such command or parameter, or a value is out of bounds.
    """
    kind = kind_of(command)
    known = kind.params.__struct_fields__
    for name in params:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise CommandError(
                ErrorCode.invalid_data, f"{command} has no parameter {name!r:.60}{near(name, known) or f': {takes}'}"
            )
    try:
        read = msgspec.convert(dict(params), kind.params)
    except msgspec.ValidationError as error:
        raise CommandError(ErrorCode.invalid_data, _in_words(command, str(error))) from None
    return {name: value for name in known if (value := getattr(read, name)) is not None}


def _in_words(command: str, text: str) -> str:
    """Say what msgspec says, with the parameter's name in front."""
    what, found, place = text.partition(_PLACE)
    return f"{command}: {place.rstrip('`')}: {what}" if found else f"{command}: {text}"


def near(word: object, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Say which known word may have been meant; nothing where none is near."""
    found = get_close_matches(str(word)[:64], list(known), n=1, cutoff=0.6)
    return f": did you mean {found[0]}?" if found else ""
