"""Who may knock: Host and Origin, beyond what real requests at the door show."""

import pytest

from fleetwire.server.origin import Doorkeeper, host_of, is_loopback


@pytest.mark.parametrize(
    ("host", "is_so"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("192.168.1.5", False),
    ],
)
def test_what_means_this_machine(host: str, is_so: bool) -> None:
    assert is_loopback(host) is is_so


@pytest.mark.parametrize(
    ("netloc", "host"),
    [
        ("Example.com:80", "example.com"),
        ("[::1]:80", "::1"),
        ("example.com", "example.com"),
        ("", None),
        ("a@b", None),
        ("a/b", None),
        ("a?b", None),
        ("a#b", None),
        ("a:x", None),
        ("a:99999", None),
        ("[::1", None),
    ],
)
def test_the_host_of_a_header(netloc: str, host: str | None) -> None:
    assert host_of(netloc) == host


LOOPBACK = Doorkeeper(True, {"127.0.0.1"}, ["https://coc.example/"])
PUBLIC = Doorkeeper(False, {"fleet.example", "0.0.0.0"}, ["https://coc.example"])


@pytest.mark.parametrize(
    ("keeper", "host", "origin", "passes"),
    [
        (LOOPBACK, "localhost:1", None, True),
        (LOOPBACK, "[::1]:1", "http://[::1]:3000", True),
        (LOOPBACK, "localhost", "https://COC.example", True),
        (LOOPBACK, "localhost", "https://coc.example.evil.com", False),
        (LOOPBACK, "localhost", "ftp://localhost", False),
        (LOOPBACK, "localhost", "", False),
        (LOOPBACK, "fleet.example", None, False),
        (PUBLIC, "fleet.example:8765", "https://fleet.example", True),
        (PUBLIC, "FLEET.example", None, True),
        (PUBLIC, "fleet.example", "https://coc.example", True),
        (PUBLIC, "fleet.example", "http://localhost:3000", False),
        (PUBLIC, "fleet.example", "file://", False),
        (PUBLIC, "fleet.example", "null", False),
        (PUBLIC, "10.0.0.5", "http://10.0.0.5:8765", True),
        (PUBLIC, "10.0.0.6", None, False),
        (PUBLIC, "fleet.example.evil.com", None, False),
        (PUBLIC, "", None, False),
    ],
)
def test_who_may_come_in(keeper: Doorkeeper, host: str, origin: str | None, passes: bool) -> None:
    refusal = keeper.refusal(host, origin, "10.0.0.5")
    assert (refusal is None) is passes
