"""The messages: tags, secrets, and where a client stopped."""

import pytest

from fleetwire.wire import messages
from fleetwire.wire.channels import CHANNELS


def test_a_token_shows_in_no_repr() -> None:
    data = messages.AuthData("c4n4ry")
    for shown in (repr(data), str(data), repr(messages.Auth(data=data)), f"{messages.Auth(data=data)}"):
        assert "c4n4ry" not in shown


def test_every_channel_has_its_struct_and_no_struct_is_without_a_channel() -> None:
    assert list(messages.PUBLISHED) == [channel.type for channel in CHANNELS]


@pytest.mark.parametrize(
    ("since", "channel", "position"),
    [
        (messages.Since(epoch="e"), "alerts", None),
        (messages.Since(epoch="e", position=4), "alerts", 4),
        (messages.Since(epoch="e", positions={"alerts": 0}), "alerts", 0),
        (messages.Since(epoch="e", positions={"alerts": 9}), "trade_updates", None),
        (messages.Since(epoch="e", position=4, positions={"alerts": 9}), "alerts", 9),
        (messages.Since(epoch="e", position=4, positions={"alerts": 9}), "trade_updates", 4),
    ],
)
def test_a_position_is_the_channels_own_or_the_one_for_all(
    since: messages.Since, channel: str, position: int | None
) -> None:
    assert since.of(channel) == position


def test_messages_are_frozen() -> None:
    with pytest.raises(AttributeError):
        messages.Heartbeat(data=1).data = 2  # type: ignore[misc]
