"""The bodies that only the API has; rows are those of `wire.rows`."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from fleetwire.wire.channels import CHANNEL_BY_NAME
from fleetwire.wire.rows import EquityPoint, Row


class Health(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str = "ok"
    version: str


class Curve(Row, frozen=True, kw_only=True):
    """Balance and equity over time. `subject` is `ea:1007`, `account:Server/5` or `currency:EUR`."""

    subject: str
    from_utc: str
    until_utc: str
    points: list[EquityPoint]


class Figures(Row, frozen=True, kw_only=True):
    """The figures of a subject, as `equity` names them."""

    subject: str
    statistics: dict[str, Any]


class CancelBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a command is taken back."""

    reason: Annotated[str, Meta(max_length=256)] = ""


class PublishBody(Struct, frozen=True):
    """What to tell on a channel. `key` names the subject where the channel's own field does not."""

    channel: Annotated[str, Meta(extra_json_schema={"enum": list(CHANNEL_BY_NAME)})]
    data: dict[str, Any]
    key: int | str | None = None


class TicketBody(Struct, frozen=True, kw_only=True):
    """A ticket: good once, for so many seconds, as `?ticket=` of a WebSocket's URL."""

    ticket: str
    expires_in_s: float
