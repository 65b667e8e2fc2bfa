"""Who may knock: the rule for `Host` (against DNS rebinding) and `Origin` (against foreign pages)."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_OF_FILES = ("file://", "null")
"""What pages opened from a file send: Electron the first, browsers the second (docs/decisions/0002-origin-null.md)."""


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine, seen from itself."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(netloc: str) -> str | None:
    """Read the host of a `Host` header or of an origin's authority, in lower case; None if it has none."""
    try:
        parts = urlsplit(f"//{netloc}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.hostname


class Doorkeeper:
    """Decides from `Host` and `Origin` alone, before anything is read further.

    Args:
        listens_on_loopback: nobody but this machine can reach the server.
        own_hosts: names and addresses under which the server is known.
        allowed_origins: further origins, like "https://coc.example".
    """

    def __init__(
        self, listens_on_loopback: bool, own_hosts: Collection[str], allowed_origins: Collection[str] = ()
    ) -> None:
        self._on_loopback = listens_on_loopback
        self._own_hosts = {host_of(host) or host.lower().strip("[]") for host in own_hosts}
        self._allowed_origins = {origin.lower().rstrip("/") for origin in allowed_origins}

    def refusal(self, host_header: str, origin: str | None, reached_at: str) -> str | None:
        """Tell why a request is refused, or None if it may come in.

        Args:
            host_header: as the request has it.
            origin: likewise; programs send none.
            reached_at: the server's own address on this connection.
        """
        host = host_of(host_header)
        if host is None or not (host in self._own_hosts or host == reached_at or is_loopback(host)):
            return "this Host is not served here: list it in allowed_hosts if it is yours"
        if origin is None or self._knows(origin, host):
            return None
        return "this Origin is not allowed here: list it in allowed_origins if it is yours"

    def _knows(self, origin: str, host: str) -> bool:
        origin = origin.lower()
        if origin in self._allowed_origins:
            return True
        if origin in _OF_FILES:
            return self._on_loopback
        scheme, _, netloc = origin.partition("://")
        origin_host = host_of(netloc) if scheme in ("http", "https") else None
        if origin_host is None:
            return False
        return is_loopback(origin_host) if self._on_loopback else origin_host == host
