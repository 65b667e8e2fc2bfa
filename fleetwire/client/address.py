"""Where a server is: a URL, checked before anything is sent there."""

from urllib.parse import parse_qsl, urlsplit, urlunsplit

from fleetwire.wire.errors import ConfigError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_SECRETS = ("token", "auth", "password", "passwd", "secret", "ticket", "api_key", "apikey")
_LOOPBACK = ("localhost", "::1")


def websocket_url(url: str) -> str:
    """Check a URL and give it as ws:// or wss://; http:// and https:// mean the same server.

    Raises:
        ConfigError: it is no address of a server, or it holds a credential: URLs end up in logs. No part of the URL is
            in the error's text.
    """
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = _SCHEMES.get(parts.scheme), parts.hostname, parts.port
    except (AttributeError, TypeError, ValueError):  # not a text, or with a wrong port or host
        scheme = host = port = None
    if scheme is None or not host or port == 0:
        raise ConfigError("url must be like ws://127.0.0.1:8765 or wss://host/path")
    if "@" in parts.netloc:
        raise ConfigError("url must not hold a user or password: give the token as auth_token")
    names = [name.lower() for name, _ in parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=True)]
    if any(secret in name for name in names for secret in _SECRETS):
        raise ConfigError("url must not hold a token: give it as auth_token")
    if parts.fragment:
        raise ConfigError("url must not have a fragment (#...): servers never see it")
    return urlunsplit((scheme, parts.netloc, parts.path, parts.query, ""))


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine, which no proxy stands before."""
    host = urlsplit(url).hostname or ""
    return host in _LOOPBACK or host.startswith("127.")
