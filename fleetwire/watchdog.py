"""Calls a URL while all is well, so that somebody outside notices when fleetwire itself is gone.

That somebody is a service like healthchecks: it raises the alarm once no call has come for some time. The URL is a
secret: it stands in no log, error or repr.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from fleetwire.loading import loaded
from fleetwire.wire.errors import ConfigError

if TYPE_CHECKING:
    import aiohttp

logger = logging.getLogger("fleetwire.watchdog")

_TIMEOUT_S_MAX: Final = 10.0
IsWell = Callable[[], str | None]
"""Says what is wrong; None while all is well."""


class WatchdogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call while all is well. `every_s` in seconds; without `url` nobody is called."""

    url: str | None = None
    every_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0

    def __repr__(self) -> str:
        """Show no URL."""
        return f"WatchdogSettings(url={'...' if self.url else None}, every_s={self.every_s})"


class Watchdog:
    """Calls a URL again and again while all is well; is silent, and says so once in the log, while it is not.

    Args:
        url: http:// or https://; called with GET.
        every_s: seconds between two calls.
        is_well: says what is wrong, None while all is well. One that fails is not well.
        sleep: waits for some seconds.

    Raises:
        ConfigError: the URL is none.
    """

    def __init__(
        self, url: str, every_s: float, is_well: IsWell, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._url = _checked(url)
        self._every_s = every_s
        self._is_well = is_well
        self._sleep = sleep
        self._trouble: str | None = None  # what the log has been told last
        self._task: asyncio.Task[None] | None = None
        self.called = self.failed = self.silent = 0

    def __repr__(self) -> str:
        """Show how often, and no URL."""
        return f"<Watchdog every {self._every_s:g} s>"

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._task = asyncio.create_task(self.run(), name="fleetwire-watchdog")

    async def stop(self) -> None:
        """End; a call that is under way is given up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Call until cancelled."""
        aiohttp = await loaded("aiohttp")

        timeout = aiohttp.ClientTimeout(total=min(_TIMEOUT_S_MAX, self._every_s))
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=False) as session:
            while True:
                await self.look(session)
                await self._sleep(self._every_s)

    async def look(self, session: "aiohttp.ClientSession") -> None:
        """Call once, if all is well."""
        wrong = self._wrong()
        if wrong is not None:
            self.silent += 1
            self._tell(f"the watchdog is not called: {wrong}")
            return
        failure = await self._call(session)
        if failure is None:
            self.called += 1
        else:
            self.failed += 1
        self._tell(None if failure is None else f"the watchdog can't be called: {failure}")

    def _wrong(self) -> str | None:
        try:
            return self._is_well()
        except Exception as error:  # not to know is not to be well
            return f"whether all is well can't be told ({type(error).__name__})"

    async def _call(self, session: "aiohttp.ClientSession") -> str | None:
        """Call; give what went wrong, without the URL, which an error's own text may show."""
        import aiohttp

        try:
            async with session.get(self._url) as answer:
                return None if answer.status < 400 else f"it answers {answer.status}"
        except TimeoutError:
            return "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"no connection ({type(error).__name__})"

    def _tell(self, trouble: str | None) -> None:
        """Log what is new."""
        if trouble == self._trouble:
            return
        if trouble is not None:
            logger.warning("%s", trouble)
        else:
            logger.info("the watchdog is called again")
        self._trouble = trouble


def _checked(url: str) -> str:
    try:
        found = urlsplit(url)
        if found.scheme in ("http", "https") and found.hostname:
            return url
    except ValueError:
        pass  # told below, without its text: that shows the URL
    raise ConfigError("watchdog: url: must begin with https:// or http:// and a host (it is not shown: it is a secret)")
