"""Attacks 1 to 18: on the request that opens a connection, and on the number of connections."""

import asyncio
import contextlib
import time

from tests.attacks.peer import KEY, PATIENCE_S, Peer, Target, asked, head, http
from tests.attacks.table import attack


@attack(1, "405")
async def post_to_the_socket_path(target: Target) -> None:
    """A POST to the socket's path, with all headers of an upgrade."""
    status, text = await asked(target, head(target, "Content-Length: 0", request="POST / HTTP/1.1"))
    assert status == 405, status
    assert "\r\nallow: " in text.lower(), "a 405 says what is allowed"


@attack(2, "505")
async def upgrade_of_http_1_0(target: Target) -> None:
    """An upgrade in HTTP/1.0."""
    status, _ = await asked(target, head(target, request="GET / HTTP/1.0"))
    assert status == 505, status


@attack(3, "426, or the page")
async def no_upgrade(target: Target) -> None:
    """A GET of the socket's path without Upgrade, and one whose Connection does not name it."""
    status, _, _ = await http(target, "GET /")
    assert status in (200, 426), status
    status, _ = await asked(target, head(target, "Connection: keep-alive"))
    assert status in (200, 400, 426), status


@attack(4, "400")
async def missing_or_short_key(target: Target) -> None:
    """No Sec-WebSocket-Key, one of 15 bytes, one of 17, and one that is no Base64."""
    for line in ("", " MDEyMzQ1Njc4OWFiY2Rl", " MDEyMzQ1Njc4OWFiY2RlZmc=", " !!!!!!!!!!!!!!!!!!!!!!=="):
        status, _ = await asked(target, head(target, f"Sec-WebSocket-Key:{line}"))
        assert status == 400, f"{line!r}: {status}"


@attack(5, "400")
async def duplicate_key(target: Target) -> None:
    """Two Sec-WebSocket-Key, alike and different."""
    for second in (KEY, "MDEyMzQ1Njc4OWFiY2RlZw=="):
        status, _ = await asked(target, head(target, f"Sec-WebSocket-Key: {KEY}", f"Sec-WebSocket-Key: {second}"))
        assert status == 400, status


@attack(6, "426 with `Sec-WebSocket-Version: 13`")
async def other_version(target: Target) -> None:
    """Version 8 of the WebSocket protocol, and no version at all."""
    for line in ("Sec-WebSocket-Version: 8", "Sec-WebSocket-Version:"):
        status, text = await asked(target, head(target, line))
        assert status == 426, status
        assert "\r\nsec-websocket-version: 13\r\n" in text.lower(), "a 426 says which version is spoken"


async def _of_origin(target: Target, origin: str) -> None:
    status, _ = await asked(target, head(target, f"Origin: {origin}"))
    assert status == 403, f"{origin} of an upgrade: {status}"
    status, _, _ = await http(target, "GET /api/v1/fleet", f"Origin: {origin}", token=target.token)
    assert status == 403, f"{origin} of a request: {status}"


@attack(7, "403")
async def foreign_origin(target: Target) -> None:
    """A page of another site."""
    await _of_origin(target, "https://evil.example")


@attack(8, "403")
async def look_alike_origin(target: Target) -> None:
    """An Origin that has an allowed one as its prefix or its suffix."""
    for origin in (
        f"http://{target.host}.evil.example",
        f"http://evil{target.host}",
        f"http://evil.example/{target.netloc}",
        f"http://{target.netloc}@evil.example",
        f"javascript://{target.netloc}",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
    ):
        await _of_origin(target, origin)


@attack(9, "403; on loopback a page opened from a file passes (docs/decisions/0002)")
async def origin_null(target: Target) -> None:
    """`Origin: null`."""
    status, _ = await asked(target, head(target, "Origin: null"))
    assert status == (101 if target.is_loopback else 403), status


@attack(10, "403")
async def foreign_host(target: Target) -> None:
    """A Host that was made to point here (DNS rebinding), two of them, and none."""
    for line in (f"Host: evil.example:{target.port}", "Host: localhost.evil.example", "Host: 127.0.0.1.evil.example"):
        status, _ = await asked(target, head(target, line))
        assert status == 403, f"{line}: {status}"
        status, _ = await asked(target, f"GET /healthz HTTP/1.1\r\n{line}\r\n\r\n".encode())
        assert status == 403, f"{line} of a request: {status}"
    for lines in ((f"Host: {target.netloc}", "Host: evil.example"), ("Host:",)):
        status, _ = await asked(target, head(target, *lines))
        assert status in (400, 403), f"{lines}: {status}"


@attack(11, "414")
async def long_uri(target: Target) -> None:
    """A URI of 64 KiB."""
    status, _ = await asked(target, head(target, request=f"GET /{'a' * 65536} HTTP/1.1"))
    assert status == 414, status


@attack(12, "431")
async def many_headers(target: Target) -> None:
    """1,000 headers, and a line of 1 MiB."""
    for lines in ([f"X-{number}: {'a' * 20}" for number in range(1000)], [f"X: {'a' * 2**20}"]):
        status, _ = await asked(target, head(target, *lines))
        assert status == 431, status


@attack(13, "400, or closed")
async def broken_lines(target: Target) -> None:
    """Bare line feeds, folded lines, NUL, a space before the colon, a header without a colon."""
    whole = head(target)
    for name, data in {
        "bare line feeds": whole.replace(b"\r\n", b"\n") + b"\r\n\r\n",
        "one bare line feed": whole.replace(b"Upgrade: websocket\r\n", b"Upgrade: websocket\n"),
        "folded": whole.replace(b"Upgrade: websocket", b"Upgrade:\r\n websocket"),
        "folded, another": whole.replace(b"Host:", b"X-Other: a\r\n b\r\nHost:"),
        "NUL": whole.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nX-Other: a\0b"),
        "space before the colon": whole.replace(b"Host:", b"Host :"),
        "no colon": whole.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nnonsense"),
        "space in the name": whole.replace(b"Host:", b"X y: a\r\nHost:"),
    }.items():
        with contextlib.suppress(TimeoutError):  # an end of the head that is none: the deadline ends it
            status, _ = await asked(target, data, target.head_deadline_s + 1)
            assert status in (0, 400), f"{name}: {status}"


@attack(14, "400")
async def two_lengths(target: Target) -> None:
    """Content-Length with Transfer-Encoding, two different lengths, and a GET with a body."""
    host, auth = f"Host: {target.netloc}", f"Authorization: Bearer {target.token}"
    for name, lines, body in (
        ("both", ["POST /api/v1/publish HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
        ("two", ["POST /api/v1/publish HTTP/1.1", "Content-Length: 2", "Content-Length: 3"], "{}"),
        ("of a GET", ["GET /api/v1/fleet HTTP/1.1", "Content-Length: 2"], "{}"),
    ):
        status, _ = await asked(target, "\r\n".join([lines[0], host, auth, *lines[1:], "", body]).encode())
        assert status == 400, f"{name}: {status}"
    status, _ = await asked(target, head(target, "Content-Length: 5") + b"hello")
    assert status in (0, 400), f"an upgrade with a body: {status}"


@attack(15, "400 in under 10 ms, or declined")
async def strange_subprotocol(target: Target) -> None:
    """A subprotocol that is not ASCII, one of 7,000 spaces, and 1,500 of them."""
    for value in ("fleetwire.é", "a" + " " * 7000 + "b", ",".join(f"p{n}" for n in range(1500)), "," * 7000):
        took = []
        for _ in range(3):  # other programs may hold the machine for a moment
            peer = await Peer.connect(target)
            data = head(target, f"Sec-WebSocket-Protocol: {value}")
            began = time.monotonic()
            peer.send(data)
            status, text = await peer.head()
            took.append(time.monotonic() - began)
            await peer.end()
            assert status in (0, 400, 101), status
            assert "sec-websocket-protocol" not in text.lower(), "nothing of it is spoken"
        assert min(took) < 0.010, f"{value[:20]!r} took {min(took) * 1000:.1f} ms"


@attack(16, "declined; the connection lives")
async def strange_window(target: Target) -> None:
    """Window bits of 99 and of 7, and a parameter that does not exist, for permessage-deflate."""
    for parameter in ("server_max_window_bits=99", "client_max_window_bits=7", "x=1"):
        peer = await Peer.upgraded(target, f"Sec-WebSocket-Extensions: permessage-deflate; {parameter}")
        assert "permessage-deflate" not in peer.answer, f"{parameter} was agreed on"
        await peer.end()


@attack(17, "closed within `head_deadline_s`")
async def silent_or_slow(target: Target) -> None:
    """A connection that says nothing, and one that says 5 bytes a second."""
    silent, slow = await Peer.connect(target), await Peer.connect(target)

    async def trickle() -> None:
        for byte in head(target):
            slow.send(bytes([byte]))
            await asyncio.sleep(0.2)

    trickling = asyncio.create_task(trickle())
    try:
        waits = await asyncio.gather(*(peer.ended(target.head_deadline_s + 2) for peer in (silent, slow)))
    except TimeoutError:
        raise AssertionError("a connection that says nothing was not closed") from None
    finally:
        trickling.cancel()
        await silent.end()
        await slow.end()
    assert max(waits) <= target.head_deadline_s + 1, f"closed after {max(waits):.1f} s"


@attack(18, "429 for the address, 503 in all")
async def too_many_connections(target: Target) -> None:
    """One connection more than an address may have; when they have gone, all is well."""
    peers: list[Peer] = []
    try:
        while len(peers) <= target.connections_max:
            peers.append(await Peer.connect(target))
        status, _ = await peers[-1].head(PATIENCE_S)
        assert status in (429, 503), f"{len(peers)} connections, and still {status}"
    finally:
        for peer in peers:
            await peer.end()
    await alive_again(target)


async def alive_again(target: Target) -> None:
    """Wait until the server takes connections again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if (await http(target, "GET /healthz"))[0] == 200:
                    return
            await asyncio.sleep(0.05)
