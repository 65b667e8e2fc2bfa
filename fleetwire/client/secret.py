"""The token: given to the server, and shown to nobody else."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from fleetwire.wire.errors import ConfigError

_HUSHED_FROM = 6  # characters
Token = str | Callable[[], str | Awaitable[str]]


class Secret:
    """Gives the token of the moment, and takes tokens out of texts.

    Args:
        token: the token, or a function, plain or async, that gives it whenever one is needed.

    Raises:
        ConfigError: there is no token.
    """

    def __init__(self, token: Token) -> None:
        if not callable(token):
            _check(token)
        self._token = token
        self._last = "" if callable(token) else token

    async def reveal(self) -> str:
        """Give the token for the server.

        Raises:
            ConfigError: the function gave none.
        """
        if callable(self._token):
            given = self._token()
            self._last = _check(await given if isawaitable(given) else given)
        return self._last

    def hush(self, text: str) -> str:
        """Take the token out of a text that a server or a library wrote; a short one stands in any text by chance."""
        return text.replace(self._last, "...") if len(self._last) >= _HUSHED_FROM else text

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secret('...')"


def _check(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise ConfigError("auth_token is empty: give the server's token, or a function that gives it")
    return token
