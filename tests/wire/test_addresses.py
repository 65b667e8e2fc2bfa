"""Who somebody is behind proxies, and with whom an address is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.addresses import FORWARDED_MAX, Proxies, group_of
from fleetwire.wire.errors import ConfigError

TRUSTED = Proxies(["10.0.0.0/8", "192.0.2.7", "2001:db8:f::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # no proxy: its word counts for nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # what the client has written itself
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.9.9.9, 192.0.2.7"], "198.51.100.1"),  # through three of ours
        ("10.0.0.1", ["10.1.1.1, 10.9.9.9"], "10.1.1.1"),  # one of us asks
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense, 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", [" 198.51.100.1:4711 "], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("10.0.0.1", ["2001:db8::5"], "2001:db8::5"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:f::1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["fe80::1%\x1b[31m"], "fe80::1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(peer: str, forwarded: list[str], client: str) -> None:
    assert TRUSTED.client_of(peer, forwarded) == client


@given(st.sampled_from(["10.0.0.1", "8.8.8.8"]), st.lists(st.text(max_size=60), max_size=4))
def test_whatever_is_forwarded_the_client_is_an_address(peer: str, forwarded: list[str]) -> None:
    found = TRUSTED.client_of(peer, forwarded)
    assert found == peer or set(found) <= set("0123456789abcdef:.")


def test_only_so_many_are_looked_at() -> None:
    forwarded = ["198.51.100.1, " + ", ".join(["10.1.1.1"] * FORWARDED_MAX)]
    assert TRUSTED.client_of("10.0.0.1", forwarded) == "10.1.1.1"


def test_nobody_is_trusted_unasked_and_no_nonsense_is() -> None:
    assert Proxies().client_of("127.0.0.1", ["198.51.100.1"]) == "127.0.0.1"
    assert not Proxies().trusts("127.0.0.1")
    for wrong in ("proxy.example", "10.0.0.1/8", "", "10.0.0.0/33"):
        with pytest.raises(ConfigError, match="trusted_proxies"):
            Proxies([wrong])


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("198.51.100.1", "198.51.100.2", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("unknown", "unknown", True),
    ],
)
def test_a_household_of_ipv6_is_counted_as_one(one: str, other: str, together: bool) -> None:
    assert (group_of(one) == group_of(other)) is together
