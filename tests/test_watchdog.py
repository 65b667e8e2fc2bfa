"""The watchdog is called while all is well, and by nobody who could give its URL away."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from fleetwire.watchdog import Watchdog, WatchdogSettings
from fleetwire.wire.errors import ConfigError

CANARY = "canary-19c2"


class Outside:
    """The service that listens for calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.status = 200

    async def answer(self, _: web.Request) -> web.Response:
        self.calls += 1
        return web.Response(status=self.status)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
async def url(outside: Outside) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get(f"/{CANARY}", outside.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url(f"/{CANARY}"))


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=0.2)) as one:
        yield one


async def test_it_is_called_again_and_again_while_all_is_well(outside: Outside, url: str) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    watchdog = Watchdog(url, 30.0, lambda: None, sleep=sleep)
    watchdog.start()
    async with asyncio.timeout(10):
        while outside.calls < 3:
            await asyncio.sleep(0.001)
    await watchdog.stop()
    calls = outside.calls
    assert set(waited) == {30.0}
    assert watchdog.called in (calls, calls - 1)  # the last one may have been given up
    await watchdog.stop()


async def test_it_is_silent_while_something_is_wrong_and_the_log_says_so_once(
    outside: Outside, url: str, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "fleetwire.watchdog")
    wrong: list[str | None] = [None]
    watchdog = Watchdog(url, 30.0, lambda: wrong[0])
    for wrong[0] in (None, "the store is failing", "the store is failing", None, None):
        await watchdog.look(session)
    assert (outside.calls, watchdog.called, watchdog.silent) == (3, 3, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "the watchdog is not called: the store is failing",
        "the watchdog is called again",
    ]


async def test_not_to_know_is_not_to_be_well(outside: Outside, url: str, session: ClientSession) -> None:
    def broken() -> str | None:
        raise RuntimeError("no idea")

    watchdog = Watchdog(url, 30.0, broken)
    await watchdog.look(session)
    assert (outside.calls, watchdog.silent) == (0, 1)


@pytest.mark.parametrize("trouble", ["refuses", "fails", "hangs"])
async def test_a_service_that_can_not_be_called_is_logged_once_without_its_url(
    trouble: str, outside: Outside, url: str, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outside.status = 500
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}/{CANARY}"
        if trouble == "refuses":
            mute.close()
        watchdog = Watchdog(url if trouble == "fails" else address, 30.0, lambda: None)
        async with asyncio.timeout(5):
            for _ in range(2):
                await watchdog.look(session)
    assert (watchdog.called, watchdog.failed) == (0, 2)
    said = [record.getMessage() for record in caplog.records if record.name == "fleetwire.watchdog"]
    assert len(said) == 1
    assert said[0].startswith("the watchdog can't be called: ")
    assert CANARY not in "".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")


@pytest.mark.parametrize("url", ["", CANARY, f"ftp://{CANARY}", "https://", f"http://[{CANARY}"])
def test_what_is_no_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="watchdog: url: must begin with https") as error:
        Watchdog(url, 30.0, lambda: None)
    assert CANARY not in str(error.value)


def test_no_repr_shows_the_url() -> None:
    url = f"https://hc.example/{CANARY}"
    assert CANARY not in f"{WatchdogSettings(url=url)!r} {Watchdog(url, 30.0, lambda: None)!r}"
