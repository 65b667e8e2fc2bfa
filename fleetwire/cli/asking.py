"""Asking a running server over its API: one request, one answer, and the token in neither."""

import ssl
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fleetwire.client.address import is_loopback, websocket_url
from fleetwire.client.secret import Secret
from fleetwire.wire.errors import AuthenticationError, ConfigError, NotConnectedError, RequestError

TIMEOUT_S = 10.0
BYTES_MAX = 16 * 1024 * 1024


class Api:
    """The API of a running server.

    Args:
        url: of the server: ws://, wss://, http:// or https://.
        token: says who asks.
        tls: the context for https://; None for the system's own certificates.

    Raises:
        ConfigError: this is no URL of a server.
    """

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(websocket_url(url))
        scheme = "https" if parts.scheme == "wss" else "http"
        self.url = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._through_proxies = not is_loopback(url)
        self._token = token
        self._tls = tls
        self._secret = Secret(token)

    def __repr__(self) -> str:
        """Show where, and not the token."""
        return f"<Api {self.url}>"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, and give the answer, decoded.

        Args:
            method: "GET" or "POST".
            path: below /api/v1/.
            body: anything that JSON can say; None for none.

        Raises:
            NotConnectedError: nobody answers there.
            AuthenticationError: the token is refused, or may not do this.
            ConfigError: the request is wrong.
            RequestError: the server refuses it for another reason.
        """
        import aiohttp  # it takes longer to load than everything else

        headers = {"Authorization": f"Bearer {self._token}"}
        content = None if body is None else msgspec.json.encode(body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with (
                aiohttp.ClientSession(
                    trust_env=self._through_proxies, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
                ) as session,
                session.request(
                    method,
                    f"{self.url}/api/v1/{path}",
                    headers=headers,
                    allow_redirects=False,
                    data=content,
                    ssl=self._tls or True,
                ) as answer,
            ):
                status, said = answer.status, await answer.content.read(BYTES_MAX)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            reason = self._secret.hush(getattr(error, "strerror", None) or type(error).__name__)
            raise NotConnectedError(f"{self.url}: no answer ({reason}): is the server running there?") from None
        try:
            found = msgspec.json.decode(said)
        except msgspec.DecodeError:
            found = None
        if status >= 300 or found is None:
            raise self._refusal(status, found)
        return found

    def _refusal(self, status: int, found: Any) -> Exception:
        problem = found if isinstance(found, dict) else {}
        detail = self._secret.hush("".join(char for char in str(problem.get("detail", "")) if char.isprintable()))
        if status in (401, 403):
            return AuthenticationError(f"{self.url}: {detail or 'the server refuses the token'}")
        if status in (400, 404, 422):
            return ConfigError(detail or f"{self.url}: is this a fleetwire? ({status})")
        return RequestError(str(problem.get("code", status)), detail or "the server can't answer", status >= 500)
