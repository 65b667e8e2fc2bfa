"""The one list of channels: keys and topics."""

from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.channels import CHANNEL_BY_NAME, CHANNEL_BY_TYPE, CHANNELS, KEY_CHARS_MAX, Topic, channel_of_type
from fleetwire.wire.errors import DataError
from fleetwire.wire.messages import PUBLISHED


def test_every_channel_carries_a_type_of_its_own_that_can_be_published() -> None:
    assert len(CHANNEL_BY_NAME) == len(CHANNEL_BY_TYPE) == len(CHANNELS) == 7
    assert set(CHANNEL_BY_TYPE) == set(PUBLISHED)


def test_an_unknown_type_is_refused_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="unknown message type 'prices': one of ea_update, "):
        channel_of_type("prices")


@pytest.mark.parametrize(
    ("message_type", "data", "key"),
    [
        ("ea_update", {"ea_id": 12345}, "12345"),
        ("ea_update", {"ea_id": "EURUSD-7"}, "EURUSD-7"),
        ("ea_update", MappingProxyType({"ea_id": 7}), "7"),
        ("ea_update", SimpleNamespace(ea_id=7), "7"),
        ("portfolio_update", {}, "total"),
        ("portfolio_update", {"account": 5}, "5"),
        ("portfolio_update", MappingProxyType({"account": 5}), "5"),
        ("portfolio_update", {"portfolio": "fx", "account": 5}, "fx"),
        ("alert", {}, None),
        ("alert", {"ea_id": None}, None),
        ("alert", {"ea_id": 0}, "0"),
        ("news_update", {"currency": "USD"}, "USD"),
        ("portfolio_update", {"portfolio": {"name": "fx"}, "account": 5}, "5"),
        ("portfolio_update", {"account": {"login": 5, "balance": 1.5}}, "total"),
        ("news_update", {"currency": ["USD", "EUR"]}, None),
        ("trade_update", {"ea_id": 12345.0}, None),
        ("alert", {"ea_id": ""}, None),
        ("alert", {"ea_id": True}, None),
        ("alert", {"ea_id": "x" * (KEY_CHARS_MAX + 1)}, None),
    ],
)
def test_the_key_is_the_first_field_that_names_the_subject(message_type: str, data: object, key: str | None) -> None:
    assert channel_of_type(message_type).key_of(data) == key


@pytest.mark.parametrize("ea_id", [None, True, 1.5, "", [1], {}])
def test_a_state_row_without_a_proper_key_is_refused(ea_id: object) -> None:
    with pytest.raises(DataError, match=r"^ea_update: ea_id "):
        channel_of_type("ea_update").key_of({"ea_id": ea_id})


@pytest.mark.parametrize("key", ["", "x" * (KEY_CHARS_MAX + 1)], ids=["empty", "long"])
def test_a_key_has_a_bounded_length(key: str) -> None:
    with pytest.raises(DataError, match=r"^ea_update: key must "):
        channel_of_type("ea_update").checked_key(key)
    with pytest.raises(DataError, match=r"^ea_update: "):
        channel_of_type("ea_update").key_of({"ea_id": key})


@pytest.mark.parametrize(
    ("message_type", "data", "end"),
    [
        ("ea_update", {"ea_id": 7, "profit": 1.5}, {"ea_id": 7, "status": "removed"}),
        ("ea_update", SimpleNamespace(ea_id=7), {"ea_id": 7, "status": "removed"}),
        ("portfolio_update", {"portfolio": "fx", "account": 5}, {"portfolio": "fx", "status": "removed"}),
        ("portfolio_update", {"profit": 1.5}, {"status": "removed"}),
    ],
)
def test_the_end_of_a_row_tells_nothing_but_its_subject(message_type: str, data: object, end: dict[str, Any]) -> None:
    assert channel_of_type(message_type).removed(data) == end


@given(st.sampled_from([channel.name for channel in CHANNELS]), st.none() | st.text(min_size=1, max_size=KEY_CHARS_MAX))
def test_a_topic_is_read_as_it_is_written(channel: str, key: str | None) -> None:
    assert Topic.parse(str(Topic(channel, key))) == Topic(channel, key)


@pytest.mark.parametrize(
    "text", ["", ":", "ea_update", "EA_UPDATES", "ea_updates:", " alerts", ":1", "alerts:" + "x" * (KEY_CHARS_MAX + 1)]
)
def test_what_names_no_channel_is_no_topic(text: str) -> None:
    assert Topic.parse(text) is None
