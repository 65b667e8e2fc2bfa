"""What a message is about is told by its data, and what tells nothing is nobody's who may not hear everything."""

from types import SimpleNamespace
from typing import Any

import pytest

from fleetwire.wire.channels import CHANNELS, channel_of_type
from fleetwire.wire.labels import labels_of, may_see


@pytest.mark.parametrize(
    ("kind", "data", "key", "labels"),
    [
        ("ea_update", {"ea_id": 7}, None, {"ea:7"}),
        (
            "ea_update",
            {"ea_id": 7, "server": "S", "login": 5, "group": "gold"},
            None,
            {"ea:7", "account:S/5", "group:gold"},
        ),
        ("ea_update", {"ea_id": 8}, 7, {"ea:7"}),
        ("ea_update", SimpleNamespace(ea_id=7, server="S", login=None, group=""), None, {"ea:7"}),
        ("trade_update", {"server": "S", "login": 5}, None, {"account:S/5"}),
        ("alert", {"account": "S/5", "server": "T", "login": 6}, None, {"account:S/5"}),
        ("alert", {"message": "the disk is full"}, None, set()),
        ("alert", {"ea_id": True, "account": 5, "group": ["gold"]}, None, set()),
        ("command_update", {"ea_id": "7"}, None, {"ea:7"}),
        ("portfolio_update", {"portfolio": "total"}, None, set()),
        ("portfolio_update", {"account": "S/5"}, None, {"account:S/5"}),
        ("portfolio_update", {}, "S/5", set()),
        ("news_update", {"currency": "USD"}, None, None),
        ("price_update", {"symbol": "EURUSD", "server": "S", "login": 5}, None, None),
    ],
)
def test_whom_a_message_is_about(kind: str, data: Any, key: int | str | None, labels: set[str] | None) -> None:
    assert labels_of(channel_of_type(kind), data, key) == labels


def test_only_what_everybody_may_know_is_everybodys() -> None:
    assert [channel.name for channel in CHANNELS if not channel.scoped] == ["price_updates", "news_updates"]


def test_who_may_see_what() -> None:
    assert may_see(None, ())
    assert may_see(frozenset({"ea:7", "x"}), ["ea:7"])
    assert not may_see(frozenset({"ea:7"}), ["ea:77"])
    assert not may_see(frozenset({"ea:7"}), ())
    assert not may_see(frozenset(), ["ea:7"])
