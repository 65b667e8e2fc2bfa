"""The types of TypeScript have everything that `wire` declares."""

import re
from typing import get_args

import pytest
from msgspec import UNSET, Struct, UnsetType

from fleetwire.spec.typescript import ROW_OF, Structs, typescript
from fleetwire.wire import rows
from fleetwire.wire.channels import CHANNELS
from fleetwire.wire.errors import CloseCode, ErrorCode
from fleetwire.wire.messages import PUBLISHED, ClientMessage, ServerMessage

TEXT = typescript()
INTERFACES = dict(re.findall(r"^export interface (\w+) \{\n(.*?)^\}", TEXT, re.MULTILINE | re.DOTALL))


def test_every_message_has_its_type() -> None:
    told = [struct for struct in ServerMessage.__subclasses__() if struct.__struct_config__.tag]
    for struct in (*told, *PUBLISHED.values()):
        assert f'type: "{struct.__struct_config__.tag}";' in INTERFACES[struct.__name__]
    for struct in get_args(ClientMessage):
        assert f'type: "{struct.__struct_config__.tag}";' in INTERFACES[f"{struct.__name__}Message"]


def test_every_published_type_has_a_row() -> None:
    assert set(ROW_OF) == set(PUBLISHED)


def test_every_field_of_every_row_is_there_and_what_may_be_left_out_is_marked() -> None:
    structs = [one for one in vars(rows).values() if isinstance(one, type) and issubclass(one, rows.Row)]
    for struct in structs:
        if struct is rows.Row:
            continue
        lines = INTERFACES[struct.__name__]
        optional = struct.__struct_fields__[len(struct.__struct_fields__) - len(struct.__struct_defaults__) :]
        for field in struct.__struct_fields__:
            assert re.search(rf"^  {field}\??: ", lines, re.MULTILINE), f"{struct.__name__}.{field}"
        assert set(re.findall(r"^  (\w+)\?:", lines, re.MULTILINE)) <= set(struct.__struct_fields__)
        assert len(re.findall(r"^  \w+\?:", lines, re.MULTILINE)) == sum(
            getattr(struct, "__struct_defaults__", ())[index] is None for index in range(len(optional))
        )


def test_every_table_is_whole() -> None:
    for channel in CHANNELS:
        assert f'{channel.name}: {{ type: "{channel.type}", kind: "{channel.kind.value}" }},' in TEXT
    for code in ErrorCode:
        assert f"  {code.name}: {{ temporary: {str(code.temporary).lower()}," in TEXT
    for close in CloseCode:
        assert f'  {close.code}: {{ name: "{close.name}",' in TEXT


@pytest.mark.parametrize(
    ("interface", "line"),
    [
        ("ExpertRow", "last_trades: DealRow[];"),
        ("ExpertRow", "performance_metrics: Record<string, number>;"),
        ("ExpertRow", "sl_value?: number;"),
        ("NewsRow", "id: number | string;"),
        ("CommandData", "params?: Record<string, unknown>;"),
        ("TargetData", "all?: boolean;"),
        ("SubscribeData", "max_hz?: Record<string, number> | number;"),
        ("CommandResponseData", "children?: CommandRow[];"),
        ("ConnectionData", "status: string;"),
        ("EaUpdate", "key: string;"),
        ("Alert", "seq: number;"),
        ("Alert", "data: AlertRow;"),
    ],
)
def test_types_are_what_json_has(interface: str, line: str) -> None:
    assert f"  {line}\n" in INTERFACES[interface]


def test_what_may_be_unset_may_be_missing() -> None:
    class Welcome(Struct, frozen=True):
        """Hello."""

        role: str | UnsetType = UNSET
        status: str = "connected"

    assert "{\n  role?: string;\n  status: string;\n}" in Structs().row(Welcome)
