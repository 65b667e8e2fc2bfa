"""A calendar is looked at again and again: what is new is reported, what fails is said once, what is known stays."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fleetwire.fleet.events import Fact, NewsEvent
from fleetwire.sources.calendar import CalendarFeed, feed, places
from fleetwire.wire.errors import ConfigError, DataError, StoreError
from fleetwire.wire.moment import read_utc
from tests.support import until

NOW_MS = read_utc("2026-12-01T12:00:00Z")


def entry(title: str, **fields: Any) -> dict[str, Any]:
    return {"title": title, "country": "USD", "date": "2026-12-04T08:30:00-05:00", "impact": "High", **fields}


def feed_of(where: Any, poll_s: float | None = None) -> CalendarFeed:
    """A feed that lives some days before its events."""
    return CalendarFeed(where, poll_s, lambda: NOW_MS)


class Fleet:
    """Takes events, unless it is told to refuse some, or can't keep any."""

    def __init__(self) -> None:
        self.calls: list[tuple[Fact, ...]] = []
        self.refuses: set[str] = set()
        self.full = False

    async def __call__(self, *facts: Fact) -> None:
        if self.full:
            raise StoreError("the disk is full")
        for fact in facts:
            assert isinstance(fact, NewsEvent)
            if fact.name in self.refuses:
                raise DataError(f"{fact.name} is too far ahead")
        self.calls.append(facts)

    @property
    def names(self) -> list[str]:
        return [fact.name for call in self.calls for fact in call if isinstance(fact, NewsEvent)]


class Site:
    """A real server with a calendar on it."""

    def __init__(self) -> None:
        self.body = json.dumps([entry("Payrolls")]).encode()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        if self.headers.get("ETag") and request.headers.get("If-None-Match") == self.headers["ETag"]:
            return web.Response(status=304)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


async def around_and_around(request: web.Request) -> web.Response:
    raise web.HTTPFound("/round?key=s3cret")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def url(site: Site) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/private-7f3a/week.json", site.answer)
    app.router.add_get("/round", around_and_around)
    async with TestServer(app) as server:
        yield str(server.make_url("/private-7f3a/week.json?key=s3cret"))


# ------------------------------------------------------------------------------------------------------------- a URL


async def test_what_is_new_or_has_changed_is_reported_and_nothing_twice(site: Site, url: str) -> None:
    calendar, fleet = feed_of(url), Fleet()
    assert await calendar.turn(fleet) == feed.POLL_URL_S
    await calendar.turn(fleet)
    assert fleet.names == ["Payrolls"]
    site.body = json.dumps([entry("Payrolls", actual="200K"), entry("Claims")]).encode()
    await calendar.turn(fleet)
    assert fleet.names == ["Payrolls", "Payrolls", "Claims"]
    assert (calendar.events, calendar.failing, calendar.refused) == (2, None, [])
    ((first,), *_) = fleet.calls
    assert isinstance(first, NewsEvent)
    assert first.source == "127.0.0.1"


async def test_an_unchanged_calendar_is_not_sent_again(site: Site, url: str) -> None:
    site.headers = {"ETag": '"one"', "Last-Modified": "Fri, 04 Dec 2026 12:00:00 GMT"}
    calendar, fleet = feed_of(url), Fleet()
    await calendar.turn(fleet)
    await calendar.turn(fleet)
    first, second = site.asked
    assert "If-None-Match" not in first
    assert first["User-Agent"].startswith("fleetwire/")
    assert (second["If-None-Match"], second["If-Modified-Since"]) == ('"one"', "Fri, 04 Dec 2026 12:00:00 GMT")
    assert fleet.names == ["Payrolls"]
    assert calendar.failing is None


async def test_what_fails_is_said_once_and_the_last_good_calendar_stays(
    site: Site, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    calendar, fleet = feed_of(url), Fleet()
    await calendar.turn(fleet)
    caplog.clear()
    good, site.body = site.body, b"<html>Maintenance</html>"
    pauses = [await calendar.turn(fleet) for _ in range(7)]
    assert pauses == [60, 120, 240, 480, 960, 1800, 1800]
    assert len(caplog.records) == 1
    assert "no JSON list of events" in str(calendar.failing)
    assert calendar.events == 1
    site.body = good
    assert await calendar.turn(fleet) == feed.POLL_URL_S
    assert calendar.failing is None
    assert fleet.names == ["Payrolls"]


async def test_a_server_that_says_when_to_come_again_is_obeyed_within_a_day(site: Site, url: str) -> None:
    calendar = feed_of(url)
    site.status, site.headers = 429, {"Retry-After": "7200"}
    assert await calendar.turn(Fleet()) == 7200
    assert calendar.failing == "127.0.0.1 answers with HTTP status 429"
    site.headers = {"Retry-After": "9" * 400}
    assert await calendar.turn(Fleet()) == places.RETRY_AFTER_MAX_S
    site.headers = {"Retry-After": "Fri, 04 Dec 2026 12:00:00 GMT"}
    assert await calendar.turn(Fleet()) < 7200


async def test_a_secret_address_is_in_no_error_log_or_repr(
    site: Site, url: str, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    caplog.set_level(logging.DEBUG, "fleetwire")
    site.status = 500
    said = []
    elsewhere = f"http://user:s3cret@127.0.0.1:{unused_tcp_port}/private-7f3a"
    around = url.replace("/private-7f3a/week.json", "/round")
    for where in (url, elsewhere, around):
        calendar = feed_of(where)
        await calendar.turn(Fleet())
        assert calendar.failing
        said += [calendar.failing, calendar.name, repr(calendar), repr(vars(calendar))]
    assert not any(secret in text for text in (*said, caplog.text) for secret in ("s3cret", "private-7f3a"))


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_too_long_a_calendar_is_refused(site: Site, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BODY_BYTES_MAX", 10)
    calendar = feed_of(url)
    await calendar.turn(Fleet())
    assert "longer than" in str(calendar.failing)


async def test_a_server_that_does_not_answer_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    monkeypatch.setattr(places, "TIMEOUT_S", 0.05)
    async with silent:
        calendar = feed_of(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        await calendar.turn(Fleet())
    assert "does not answer within" in str(calendar.failing)


@pytest.mark.parametrize("where", ["ftp://example.com/a.json", "https://", "http://[::1/"])
def test_what_is_no_url_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match="the calendar's address"):
        feed_of(where)


# ------------------------------------------------------------------------------------------------------- what is kept


async def test_what_was_not_kept_is_told_again(site: Site, url: str) -> None:
    site.headers = {"ETag": '"one"'}
    calendar, fleet = feed_of(url), Fleet()
    fleet.full = True
    await calendar.turn(fleet)
    assert "the disk is full" in str(calendar.failing)
    fleet.full = False
    await calendar.turn(fleet)
    assert fleet.names == ["Payrolls"]
    assert calendar.failing is None


async def test_what_the_fleet_refuses_is_left_out_alone(site: Site, url: str) -> None:
    site.body = json.dumps([entry("a"), entry("b"), entry("c"), entry("d", date="never")]).encode()
    calendar, fleet = feed_of(url), Fleet()
    fleet.refuses = {"b"}
    await calendar.turn(fleet)
    assert fleet.names == ["a", "c"]
    assert calendar.refused[0].startswith("event 4 of the calendar: its date is no")
    assert calendar.refused[1] == "b is too far ahead"


async def test_what_is_over_for_a_week_or_far_ahead_is_left_out_in_silence(
    site: Site, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    days = {"old": "2026-11-24", "recent": "2026-11-25", "ahead": "2027-12-01", "far": "2028-01-01"}
    site.body = json.dumps([entry(name, date=f"{day}T11:00:00+00:00") for name, day in days.items()]).encode()
    calendar, fleet = feed_of(url), Fleet()
    await calendar.turn(fleet)
    assert fleet.names == ["recent", "ahead"]
    assert (calendar.events, calendar.refused, caplog.records) == (2, [], [])


async def test_a_long_calendar_is_told_in_parts(site: Site, url: str) -> None:
    site.body = json.dumps([entry(f"event {number}") for number in range(1_100)]).encode()
    fleet = Fleet()
    await feed_of(url).turn(fleet)
    assert [len(call) for call in fleet.calls] == [500, 500, 100]


# ------------------------------------------------------------------------------------------------------------- a file


def touch(path: Path, content: bytes) -> None:
    """Write a file with a time of its own."""
    path.write_bytes(content)
    stamp = time.time_ns() + len(content)
    os.utime(path, ns=(stamp, stamp))


async def test_a_file_is_read_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, fleet = tmp_path / "week.json", Fleet()
    touch(file, json.dumps([entry("a")]).encode())
    calendar = feed_of(file)
    assert await calendar.turn(fleet) == feed.POLL_FILE_S
    monkeypatch.setattr(feed, "read_weekly", None)  # it would fail if it were read
    await calendar.turn(fleet)
    monkeypatch.undo()
    touch(file, json.dumps([entry("a"), entry("b")]).encode())
    await calendar.turn(fleet)
    assert fleet.names == ["a", "b"]


async def test_a_half_written_file_is_no_failure_until_it_stays_so(tmp_path: Path) -> None:
    file, calendar, fleet = tmp_path / "week.json", feed_of(tmp_path / "week.json"), Fleet()
    whole = json.dumps([entry("a")]).encode()
    touch(file, whole[:20])
    await calendar.turn(fleet)
    assert calendar.failing is None
    await calendar.turn(fleet)
    assert "week.json: the calendar is no JSON list" in str(calendar.failing)
    touch(file, whole)
    await calendar.turn(fleet)
    assert fleet.names == ["a"]
    assert calendar.failing is None


async def test_a_file_that_is_not_there_yet_is_said_and_waited_for(tmp_path: Path) -> None:
    calendar, fleet = feed_of(tmp_path / "week.json", poll_s=0.001), Fleet()
    running = asyncio.create_task(calendar.run(fleet))
    await until(lambda: calendar.failing)
    assert "week.json can't be read: No such file or directory" in str(calendar.failing)
    (tmp_path / "new").write_bytes(json.dumps([entry("a")]).encode())
    (tmp_path / "new").rename(tmp_path / "week.json")
    await until(lambda: fleet.names)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    calendar = feed_of(tmp_path / "pipe")
    await calendar.turn(Fleet())
    assert "is no ordinary file" in str(calendar.failing)


async def test_an_icalendar_shows_in_its_content(tmp_path: Path) -> None:
    pytest.importorskip("icalendar")
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1", "SUMMARY:USD: Payrolls", "DTSTART:20261204T133000Z"]
    (tmp_path / "calendar").write_text("\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""]))
    fleet = Fleet()
    await feed_of(tmp_path / "calendar").turn(fleet)
    assert fleet.names == ["USD: Payrolls"]
