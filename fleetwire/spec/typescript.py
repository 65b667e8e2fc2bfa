"""TypeScript, made of the messages, rows, channels and codes of `wire`: what web/client is built on."""

import inspect
import json
from collections.abc import Iterable
from typing import Any, cast, get_args

import msgspec
from msgspec import NODEFAULT
from msgspec.inspect import (
    AnyType,
    BoolType,
    DictType,
    Field,
    FloatType,
    IntType,
    ListType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from fleetwire.wire import rows
from fleetwire.wire.channels import CHANNELS, REMOVED, Kind
from fleetwire.wire.errors import CloseCode, ErrorCode
from fleetwire.wire.forms import ArrayForm
from fleetwire.wire.messages import PUBLISHED, ClientMessage, ServerMessage

ROW_OF: dict[str, type[rows.Row]] = {
    "ea_update": rows.ExpertRow,
    "portfolio_update": rows.PortfolioRow,
    "price_update": rows.PriceRow,
    "trade_update": rows.DealRow,
    "news_update": rows.NewsRow,
    "command_update": rows.CommandRow,
    "alert": rows.AlertRow,
}
"""What the integration service fills the `data` of each published type with."""

_HEAD = """\
// Written by `python -m fleetwire.spec` from fleetwire/wire: change it there.
"""
_SIMPLE = {AnyType: "unknown", BoolType: "boolean", IntType: "number", FloatType: "number", StrType: "string"}
_CLIENT_SUFFIX = "Message"  # a client's message and a server's may share a name


def typescript() -> str:
    """Write the whole file."""
    written = Structs()
    own = list(get_args(ClientMessage))
    told = [one for one in ServerMessage.__subclasses__() if one.__struct_config__.tag]
    parts = [
        _HEAD,
        _tables(),
        *(written.client_message(one) for one in own),
        _union("ClientMessage", [one.__name__ + _CLIENT_SUFFIX for one in own]),
        *(written.server_message(one) for one in told),
        *(written.published(PUBLISHED[channel.type], channel.name, channel.kind) for channel in CHANNELS),
        _union("ServerMessage", [one.__name__ for one in (*told, *PUBLISHED.values())]),
        _map("MessageByType", {one.__struct_config__.tag: one.__name__ for one in (*told, *PUBLISHED.values())}),
        _map("RowByChannel", {channel.name: ROW_OF[channel.type].__name__ for channel in CHANNELS}),
        _map("PublishedByChannel", {channel.name: PUBLISHED[channel.type].__name__ for channel in CHANNELS}),
        *(written.row(one) for one in _rows()),
        *written.pending(),
    ]
    return "\n".join(parts)


def _rows() -> Iterable[type[msgspec.Struct]]:
    """Give every row that a channel carries or the API lists."""
    found = [one for one in vars(rows).values() if isinstance(one, type) and issubclass(one, rows.Row)]
    return [one for one in found if one is not rows.Row]


class Structs:
    """Writes interfaces, and remembers which are still to be written."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._due: list[tuple[StructType, bool]] = []

    def client_message(self, struct: type[msgspec.Struct]) -> str:
        """Write what a client may say; what has a default may be left out."""
        return self._message(struct, struct.__name__ + _CLIENT_SUFFIX, is_ours=True)

    def server_message(self, struct: type[msgspec.Struct]) -> str:
        """Write what a server says."""
        return self._message(struct, struct.__name__, is_ours=False)

    def published(self, struct: type[msgspec.Struct], channel: str, kind: Kind) -> str:
        """Write what a channel carries: a state row has a key, an event a seq."""
        fields = {"data": ROW_OF[str(struct.__struct_config__.tag)].__name__, "channel": json.dumps(channel)}
        needed = {"key"} if kind is Kind.state else {"seq"}
        left_out = {"seq"} if kind is Kind.state else set()
        return self._message(struct, struct.__name__, is_ours=False, fields=fields, needed=needed, left_out=left_out)

    def row(self, struct: type[msgspec.Struct]) -> str:
        """Write a row, unless it is written already."""
        info = _info(struct)
        return self._interface(info, is_ours=False) if struct.__name__ not in self._known else ""

    def pending(self) -> Iterable[str]:
        """Write what the others refer to."""
        while self._due:
            info, is_ours = self._due.pop(0)
            if info.cls.__name__ not in self._known:
                yield self._interface(info, is_ours=is_ours)

    def _message(
        self,
        struct: type[msgspec.Struct],
        name: str,
        *,
        is_ours: bool,
        fields: dict[str, str] | None = None,
        needed: Iterable[str] = (),
        left_out: Iterable[str] = (),
    ) -> str:
        info = _info(struct)
        lines = [f"  type: {json.dumps(info.tag)};"]
        for field in info.fields:
            if field.name in left_out:
                continue
            kind = (fields or {}).get(field.name) or self._type(_without_none(field.type), is_ours=is_ours)
            mark = "?" if self._may_lack(field, info, is_ours=is_ours) and field.name not in needed else ""
            lines.append(f"  {field.name}{mark}: {kind};")
        return _block(struct, name, lines)

    def _interface(self, info: StructType, *, is_ours: bool) -> str:
        self._known.add(info.cls.__name__)
        lines = [self._field(field, info, is_ours=is_ours) for field in info.fields]
        return _block(info.cls, info.cls.__name__, lines)

    def _field(self, field: Field, info: StructType, *, is_ours: bool) -> str:
        may_lack = self._may_lack(field, info, is_ours=is_ours)
        kind = self._type(_without_none(field.type) if may_lack else field.type, is_ours=is_ours)
        return f"  {field.encode_name}{'?' if may_lack else ''}: {kind};"

    def _may_lack(self, field: Field, info: StructType, *, is_ours: bool) -> bool:
        """Tell whether a field may be missing: a client may leave out what has a default, a server does so by rule."""
        is_unset = field.default is NODEFAULT and field.default_factory is NODEFAULT  # UNSET is no default of JSON's
        return not field.required and (is_ours or is_unset or info.cls.__struct_config__.omit_defaults)

    def _type(self, kind: Type, *, is_ours: bool) -> str:
        if isinstance(kind, StructType):
            self._due.append((kind, is_ours))
            return kind.cls.__name__
        if isinstance(kind, ListType):
            inner = self._type(kind.item_type, is_ours=is_ours)
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        if isinstance(kind, DictType):
            return f"Record<string, {self._type(kind.value_type, is_ours=is_ours)}>"
        if isinstance(kind, UnionType):
            return " | ".join(dict.fromkeys(self._type(one, is_ours=is_ours) for one in kind.types))
        return "null" if isinstance(kind, NoneType) else _SIMPLE[type(kind)]


def _info(struct: type[msgspec.Struct]) -> StructType:
    return cast(StructType, type_info(struct))


def _without_none(kind: Type) -> Type:
    if not isinstance(kind, UnionType):
        return kind
    rest = tuple(one for one in kind.types if not isinstance(one, NoneType))
    return rest[0] if len(rest) == 1 else UnionType(rest)


def _block(struct: type, name: str, lines: list[str]) -> str:
    """Write one interface, with what Python says of it."""
    text = inspect.cleandoc(struct.__doc__ or "").splitlines()
    said = [f"/** {text[0]} */"] if len(text) == 1 else ["/**", *(f" * {line}".rstrip() for line in text), " */"]
    return "\n".join([*said, f"export interface {name} {{", *lines, "}", ""])


def _union(name: str, members: list[str]) -> str:
    return "\n".join(
        [f"export type {name} =", *(f"  | {member}" for member in members[:-1]), f"  | {members[-1]};", ""]
    )


def _map(name: str, members: dict[Any, str]) -> str:
    lines = [f"  {key}: {value};" for key, value in members.items()]
    return "\n".join([f"export interface {name} {{", *lines, "}", ""])


def _tables() -> str:
    """Write the lists of what exists."""
    channels = [f"  {one.name}: {_object(type=one.type, kind=one.kind.value)}," for one in CHANNELS]
    errors = [f"  {one.name}: {_object(temporary=one.temporary, meaning=one.meaning)}," for one in ErrorCode]
    closes = [
        f"  {one.code}: {_object(name=one.name, meaning=one.meaning, comesBack=one.value.comes_back.name)},"
        for one in CloseCode
    ]
    return "\n".join(
        [
            "/** What a client asks for to be spoken to in version 2. */",
            f"export const SUBPROTOCOL = {json.dumps(ArrayForm.subprotocol)};",
            "/** The `status` of a state row's last message. */",
            f"export const REMOVED = {json.dumps(REMOVED)};",
            "/** Every channel: which type it carries, and how it remembers. */",
            *_const("CHANNELS", channels),
            "/** Every error code, and whether the same request may succeed later. */",
            *_const("ERROR_CODES", errors),
            "/** Every close code of the server, and when a client may come back. */",
            *_const("CLOSE_CODES", closes),
            _map("KindByChannel", {one.name: json.dumps(one.kind.value) for one in CHANNELS}),
        ]
    )


def _const(name: str, lines: list[str]) -> list[str]:
    return [f"export const {name} = {{", *lines, "} as const;"]


def _object(**fields: object) -> str:
    return "{ " + ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items()) + " }"
