"""The files of the dashboard: served from memory, squeezed, under a strict policy, and nothing beside them."""

import gzip
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetwire.server.api import dashboard
from fleetwire.server.api.dashboard import read_bundle, takes_gzip
from fleetwire.server.server import WebSocketServer
from tests.server.api.caller import Caller
from tests.server.support import TOKEN
from tests.support import ManualClock

PAGE = b"<!doctype html><title>made up</title>"
SCRIPT = b"export const answer = 42;\n" * 50
NAME = "assets/index-Ab12.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "dashboard"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(PAGE)
    (built / NAME).write_bytes(SCRIPT)
    (built / f"{NAME}.gz").write_bytes(gzip.compress(SCRIPT))
    (built / "secret.py").write_bytes(b"not for everybody")
    (tmp_path / "outside.js").write_bytes(b"told to nobody")
    return built


@pytest.fixture
async def caller(folder: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    monkeypatch.setattr(dashboard, "FOLDER", folder)
    async with WebSocketServer(port=0, auth_token=TOKEN, base_path="/fw", clock=clock) as server:
        caller = await Caller.connect(server)
        yield caller
        await caller.end()


@pytest.mark.parametrize("prefix", ["", "/fw"])
async def test_the_page_is_asked_for_anew_and_its_files_are_kept_for_good(caller: Caller, prefix: str) -> None:
    page = await caller.get(f"{prefix}/", token=None)
    assert (page.status, page.body, page.headers["content-type"]) == (200, PAGE, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-cache"
    script = await caller.get(f"{prefix}/{NAME}", token=None)
    assert (script.status, script.body) == (200, SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_that_is_written_into_it(caller: Caller) -> None:
    page = await caller.get("/", token=None)
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"


async def test_who_takes_gzip_is_given_what_was_squeezed_when_it_was_built(caller: Caller) -> None:
    script = await caller.get(f"/{NAME}", "Accept-Encoding: br, gzip", token=None)
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["vary"] == "Accept-Encoding"
    assert len(script.body) < len(SCRIPT) == len(gzip.decompress(script.body))
    assert "content-encoding" not in (await caller.get(f"/{NAME}", "Accept-Encoding: br", token=None)).headers


async def test_who_has_the_page_is_told_that_it_has_not_changed(caller: Caller) -> None:
    etag = (await caller.get("/", token=None)).headers["etag"]
    reply = await caller.get("/", f"If-None-Match: {etag}", token=None)
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    "path",
    [
        "/secret.py",
        "/assets/../secret.py",
        "/assets/..%2f..%2foutside.js",
        "/..%2foutside.js",
        "/assets/%2e%2e/%2e%2e/outside.js",
        "/assets/..\\..\\outside.js",
        "/assets//index-Ab12.js",
        "/assets/",
        "/assets/index-Ab12.js.gz",
        "/assets/index-Ab12.js%00",
        "/index.html",
    ],
)
async def test_nothing_is_found_that_is_no_file_of_the_bundle(caller: Caller, path: str) -> None:
    reply = await caller.get(path, token=None)
    assert reply.status == 404
    assert b"told to nobody" not in reply.body


async def test_no_file_is_opened_for_a_request(caller: Caller, folder: Path) -> None:
    shutil.rmtree(folder)
    assert (await caller.get("/", token=None)).body == PAGE
    assert (await caller.get(f"/{NAME}", token=None)).body == SCRIPT


async def test_without_a_bundle_the_page_says_how_to_build_it(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "FOLDER", tmp_path / "nothing")
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        assert not server.has_dashboard
        caller = await Caller.connect(server)
        assert b"make web" in (await caller.get("/", token=None)).body
        await caller.end()


def test_a_bundle_without_its_page_is_none(folder: Path) -> None:
    assert {file.name for file in read_bundle(folder)} == {"index.html", NAME}
    (folder / "index.html").unlink()
    assert read_bundle(folder) == []


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("br, *;q=0", False),
    ],
)
def test_an_accept_encoding_is_read_as_it_is_meant(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken
