"""Asking a running server over its API: one request, one answer, and the token in neither."""

import ssl
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fleetwire.client.address import is_loopback, websocket_url
from fleetwire.client.secret import Secret
from fleetwire.wire.errors import AuthenticationError, ConfigError, NotConnectedError, RequestError

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader  # it takes longer to load than everything else

TIMEOUT_S = 10.0
BYTES_MAX = 16 * 1024 * 1024


class NoFleetError(ConfigError):
    """The server keeps no fleet: it never does, or not any more, as it is about to end."""


class Api:
    """The API of a running server. Inside `async with` its connections stay open from one question to the next.

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
        self._secret = Secret(token)
        self._tls = tls
        self._session: ClientSession | None = None

    def __repr__(self) -> str:
        """Show where, and not the token."""
        return f"<Api {self.url}>"

    async def __aenter__(self) -> Self:
        """Keep connections from now on."""
        self._session = self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> "ClientSession":
        import aiohttp

        connector = aiohttp.TCPConnector(ssl=self._tls) if self._tls is not None else None
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        return aiohttp.ClientSession(connector=connector, trust_env=self._through_proxies, timeout=timeout)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, and give the answer, decoded.

        Args:
            method: "GET" or "POST".
            path: below /api/v1/.
            body: anything that JSON can say; None for none.

        Raises:
            NotConnectedError: nobody answers there.
            AuthenticationError: the token is refused, or may not do this.
            NoFleetError: the server keeps no fleet.
            ConfigError: the request is wrong.
            RequestError: the server refuses it for another reason.
        """
        if self._session is not None:
            status, said = await self._exchange(self._session, method, path, body)
        else:
            async with self._open() as session:
                status, said = await self._exchange(session, method, path, body)
        try:
            found = msgspec.json.decode(said)
        except msgspec.DecodeError:
            found = None
        if status >= 300 or found is None:
            raise self._refusal(status, found)
        return found

    async def _exchange(self, session: "ClientSession", method: str, path: str, body: Any) -> tuple[int, bytes]:
        import aiohttp

        headers = {"Authorization": f"Bearer {self._token}"}
        content = None if body is None else msgspec.json.encode(body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with session.request(
                method, f"{self.url}/api/v1/{path}", headers=headers, allow_redirects=False, data=content
            ) as answer:
                return answer.status, await _read(answer.content)
        except aiohttp.ClientConnectorCertificateError:
            text = f"{self.url}: the certificate is not trusted: give --ca-file, if you know whose it is"
            raise NotConnectedError(text) from None
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            reason = self._secret.hush(getattr(error, "strerror", None) or type(error).__name__)
            raise NotConnectedError(f"{self.url}: no answer ({reason}): is the server running there?") from None

    def _refusal(self, status: int, found: Any) -> Exception:
        problem = found if isinstance(found, dict) else {}
        detail = self._secret.hush("".join(char for char in str(problem.get("detail", "")) if char.isprintable()))
        if status in (401, 403):
            return AuthenticationError(f"{self.url}: {detail or 'the server refuses the token'}")
        if problem.get("code") == "no_fleet":
            return NoFleetError(detail)
        if status in (400, 404, 422):
            return ConfigError(detail or f"{self.url}: is this a fleetwire? ({status})")
        return RequestError(str(problem.get("code", status)), detail or "the server can't answer", status >= 500)


async def _read(content: "StreamReader") -> bytes:
    """Read an answer to its end; what is longer than any answer of ours is cut, and then is no JSON."""
    said = bytearray()
    while len(said) < BYTES_MAX and (piece := await content.read(BYTES_MAX - len(said))):
        said += piece
    return bytes(said)
