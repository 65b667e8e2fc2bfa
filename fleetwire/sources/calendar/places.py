"""Where calendars are: a URL that is asked whether it has changed, or a file whose time tells it."""

import asyncio
import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from yarl import URL

from fleetwire.loading import loaded
from fleetwire.version import __version__
from fleetwire.wire.errors import ConfigError, DataError

if TYPE_CHECKING:
    import aiohttp

BODY_BYTES_MAX: Final = 4 * 2**20
TIMEOUT_S: Final = 30.0
RETRY_AFTER_MAX_S: Final = 86_400.0
_HOPS_MAX: Final = 5
_CHUNK_BYTES: Final = 65_536


class PlaceError(Exception):
    """A calendar can't be got; the text names the place, and never more of a URL than its host.

    Args:
        text: why.
        retry_after_s: when to come again, where the place says so.
    """

    def __init__(self, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Place(Protocol):
    """Where a calendar is."""

    name: str

    async def fetch(self) -> bytes | None:
        """Get the calendar; None if it is as it was when it was last accepted.

        Raises:
            PlaceError: it can't be got.
            DataError: it is too long.
        """

    def accept(self) -> None:
        """Remember that what was fetched last was taken."""

    def is_settled(self) -> bool:
        """Whether what was fetched last is whole, and not just being written."""


class UrlPlace:
    """A calendar at a URL. Its path and query may be secret: they are told to nobody.

    Args:
        url: http or https.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = URL(url)
        except ValueError:
            raise ConfigError("calendars: the calendar's address is no URL") from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigError(
                "calendars: the calendar's address has to be a file, or to begin with https:// or http:// and a host"
            )
        self.name = self._url.host
        self._accepted: dict[str, str] = {}
        self._fetched: dict[str, str] = {}

    def __repr__(self) -> str:
        """Show the host alone."""
        return f"UrlPlace({self.name!r})"

    async def fetch(self) -> bytes | None:
        """Ask for it, unless it is unchanged (ETag, Last-Modified)."""
        aiohttp = await loaded("aiohttp")

        headers = {"User-Agent": f"fleetwire/{__version__}", **self._accepted}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, headers=headers, max_redirects=_HOPS_MAX) as response,
            ):
                return await self._answer(response)
        except DataError:
            raise
        except TimeoutError:
            raise PlaceError(f"{self.name} does not answer within {TIMEOUT_S:.0f} s") from None
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or "no connection"
            raise PlaceError(f"{self.name} can't be reached: {reason}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # their texts would name the whole URL
            raise PlaceError(f"{self.name} can't be asked: {type(error).__name__}") from None

    async def _answer(self, response: "aiohttp.ClientResponse") -> bytes | None:
        if response.status == HTTPStatus.NOT_MODIFIED and self._accepted:
            return None
        if response.status != HTTPStatus.OK:
            raise PlaceError(f"{self.name} answers with HTTP status {response.status}", _retry_after_s(response))
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise DataError(f"the calendar is longer than {BODY_BYTES_MAX // 2**20} MiB")
        asks = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
        self._fetched = {ask: response.headers[told] for ask, told in asks if told in response.headers}
        return bytes(body)

    def accept(self) -> None:
        """Ask for what has changed since then only."""
        self._accepted = self._fetched

    def is_settled(self) -> bool:
        """A whole answer is whole."""
        return True


def _retry_after_s(response: "aiohttp.ClientResponse") -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), RETRY_AFTER_MAX_S) if told.isascii() and told.isdigit() else 0.0


class FilePlace:
    """A calendar on disk, read when its time or size changes.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self.name = self._path.name
        self._accepted: tuple[int, int] | None = None
        self._fetched: tuple[int, int] | None = None
        self._is_settled = False

    async def fetch(self) -> bytes | None:
        """Read it, if it has changed."""
        try:
            return await asyncio.to_thread(self._read)
        except OSError as error:
            raise PlaceError(f"{self._path} can't be read: {error.strerror or error}") from None

    def _read(self) -> bytes | None:
        if not self._path.is_file() and self._path.exists():
            raise PlaceError(f"{self._path} is no ordinary file")
        with self._path.open("rb") as file:
            found = os.fstat(file.fileno())
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp == self._accepted:
                return None
            self._is_settled = stamp == self._fetched
            self._fetched = stamp
            body = file.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise DataError(f"the calendar is longer than {BODY_BYTES_MAX // 2**20} MiB")
        return body

    def accept(self) -> None:
        """Read it again only once it has changed."""
        self._accepted = self._fetched

    def is_settled(self) -> bool:
        """Whether it looked the same at the look before."""
        return self._is_settled
