"""Which URLs are taken, and what no error repeats."""

import pytest

from fleetwire.client.address import is_loopback, websocket_url
from fleetwire.wire.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("ws://127.0.0.1:8765", "ws://127.0.0.1:8765"),
        ("http://127.0.0.1:8765/base/", "ws://127.0.0.1:8765/base/"),
        ("https://coc.example", "wss://coc.example"),
        ("WSS://coc.example:8765/?view=1", "wss://coc.example:8765/?view=1"),
        ("ws://[::1]:8765", "ws://[::1]:8765"),
    ],
)
def test_a_servers_address_in_any_of_its_forms_is_taken(given: str, url: str) -> None:
    assert websocket_url(given) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8765",
        "ftp://host",
        "ws://",
        "ws://host:99999",
        "ws://host:0",
        "ws://[::1",
        None,
        "ws://me:canary@host",
        "ws://canary@host",
        "ws://host?token=canary",
        "ws://host?x=1&Access_Token=canary",
        "ws://host/#ticket=canary",
        "ws://host/#canary",
    ],
)
def test_what_is_no_address_or_holds_a_credential_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        websocket_url(url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("ws://localhost:1", True), ("ws://127.9.9.9", True), ("ws://[::1]:1", True), ("ws://coc.example", False)],
)
def test_this_machine_is_known(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
