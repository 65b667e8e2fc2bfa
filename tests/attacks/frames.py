"""Attacks 19 to 31: on frames, on their sizes, and on those who write to a peer that does not read."""

import asyncio
import socket
import struct
import time
import zlib

from tests.attacks.peer import BINARY, CLOSE, CONTINUATION, PING, TEXT, Peer, Target, frame, head, said
from tests.attacks.table import NotHere, attack

MIB = 2**20


async def _closed_with(target: Target, *codes: int, data: tuple[bytes, ...], within_s: float = 5.0) -> float:
    """Send frames after the handshake; the server has to close with one of the codes. Tells how long that took."""
    peer = await Peer.upgraded(target)
    try:
        began = time.monotonic()
        peer.send(*data)
        code = await peer.close_code(within_s)
        assert code in codes, f"closed with {code or 'nothing'}"
        return time.monotonic() - began
    finally:
        await peer.end()


def _grown(target: Target, before: float | None, mib: float) -> None:
    """See to it that the server's process has not grown by more; little in all is no matter."""
    now = target.memory_mib()
    if before is not None and now is not None:
        assert now - before <= mib + 4, f"the server grew by {now - before:.1f} MiB"  # 4: what a heap takes at a time


@attack(19, "1002")
async def unmasked(target: Target) -> None:
    """A frame that is not masked."""
    await _closed_with(target, 1002, data=(frame("{}", mask=False),))


@attack(20, "1002")
async def reserved(target: Target) -> None:
    """Each reserved bit, and each reserved opcode."""
    for rsv in (1, 2, 4):
        await _closed_with(target, 1002, data=(frame("{}", rsv=rsv),))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        await _closed_with(target, 1002, data=(frame("", opcode),))


@attack(21, "1002")
async def wrong_ping(target: Target) -> None:
    """A ping of more than 125 bytes, and one in fragments."""
    await _closed_with(target, 1002, data=(frame(b"a" * 126, PING),))
    await _closed_with(target, 1002, data=(frame(b"a", PING, fin=False),))


@attack(22, "1002 or 1009, with nothing allocated")
async def endless_length(target: Target) -> None:
    """A frame that announces 2^63 bytes, and one of 2^63 - 1."""
    before = target.memory_mib()
    for length in (2**63, 2**63 - 1):
        await _closed_with(target, 1002, 1009, data=(frame(b"", TEXT, length=length),))
    _grown(target, before, 1)


@attack(23, "1009 at once")
async def announced_100_mib(target: Target) -> None:
    """A frame that announces 100 MiB: refused by its header, before and after authentication."""
    await _closed_with(target, 1009, data=(frame(b"", BINARY, length=100 * MIB),))
    peer = await Peer.joined(target)
    peer.send(frame(b"", TEXT, length=100 * MIB))
    assert await peer.close_code() == 1009
    await peer.end()


@attack(24, "1009")
async def long_in_fragments(target: Target) -> None:
    """20 MiB in fragments of 32 KiB."""
    before = target.memory_mib()
    piece = b"a" * 32768
    pieces = [frame(piece, TEXT, fin=False)] + [frame(piece, CONTINUATION, fin=False)] * 639
    await _closed_with(target, 1009, 1008, data=tuple(pieces))
    _grown(target, before, 4)


@attack(25, "1009 or 1008, within 4 MiB")
async def many_fragments(target: Target) -> None:
    """300,000 fragments of one byte, and of none."""
    before = target.memory_mib()
    for piece in (b"a", b""):
        rest = frame(piece, CONTINUATION, fin=False) * 300_000
        await _closed_with(target, 1009, 1008, data=(frame(piece, TEXT, fin=False), rest))
    _grown(target, before, 4)


@attack(26, "1002")
async def stray_continuation(target: Target) -> None:
    """A continuation of nothing, and a new message inside another."""
    await _closed_with(target, 1002, data=(frame("{}", CONTINUATION),))
    await _closed_with(target, 1002, data=(frame("{", TEXT, fin=False), frame("}", TEXT)))


@attack(27, "1007")
async def bad_utf8(target: Target) -> None:
    """Bytes that are no UTF-8, in one frame and over two; an overlong form; a surrogate."""
    for data in (b'{"a":"\xff"}', b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
        await _closed_with(target, 1007, data=(frame(data),))
    await _closed_with(target, 1007, data=(frame(b"\xe2\x82", fin=False), frame(b"\xff", CONTINUATION)))


@attack(28, "1002")
async def wrong_close(target: Target) -> None:
    """A Close with code 1005, 1006, 999 or 5000, with one byte, with a reason that is no UTF-8."""
    for code in (1005, 1006, 1015, 999, 5000):
        await _closed_with(target, 1002, data=(frame(struct.pack("!H", code), CLOSE),))
    await _closed_with(target, 1002, data=(frame(b"\x03", CLOSE),))
    await _closed_with(target, 1002, 1007, data=(frame(struct.pack("!H", 1000) + b"\xff", CLOSE),))


@attack(29, "1009; 1007 or 1002")
async def deflate_bomb(target: Target) -> None:
    """100 MiB of zeros in 100 KiB, and bytes that are not deflated; where compression is off, both are 1002."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(b"\0" * MIB) for _ in range(60)) + packer.flush(zlib.Z_SYNC_FLUSH)
    before = target.memory_mib()
    for data, codes in ((bomb[:-4], (1009,)), (b"\xff" * 64, (1007, 1002))):
        peer = await Peer.upgraded(target, "Sec-WebSocket-Extensions: permessage-deflate")
        agreed = "permessage-deflate" in peer.answer
        peer.send(frame(data, TEXT, rsv=4))
        code = await peer.close_code()
        assert code in (codes if agreed else (1002,)), code
        await peer.end()
    _grown(target, before, 2)


@attack(30, "backpressure, or 1008, within 2 MiB")
async def ping_flood(target: Target) -> None:
    """20 MiB of pings whose pongs nobody reads."""
    peer = await narrow(target)
    before = target.memory_mib()
    pings = frame(b"p" * 125, PING) * 800
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while sent < 20 * MIB:
            peer.send(pings)
            await peer.writer.drain()
            sent += len(pings)

    flooding = asyncio.create_task(flood())
    await asyncio.wait([flooding], timeout=1.0)
    _grown(target, before, 2)
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    await peer.end()
    assert sent < 20 * MIB, "everything was taken in, although nobody read the answers"


@attack(31, "4101, and at most 1 MiB waits for it")
async def reader_that_stops(target: Target) -> None:
    """A subscriber that does not read while 40 MiB of events are told; the others are told everything."""
    if not target.pid:
        raise NotHere("floods the channels of a server that is not ours")
    stopped = await narrow(target)
    stopped.send(said("auth", token=target.token), said("subscribe", channels=["news_updates"]))
    reader = await Peer.joined(target, "news_updates")
    publisher = await Peer.joined(target)
    await asyncio.sleep(0.1)
    before = target.memory_mib()
    body = "n" * 60_000
    began = time.monotonic()
    for number in range(160):
        publisher.send(said("publish", channel="news_updates", data={"number": number, "text": body}))
        told = await reader.message_of("news_update")
        assert told["data"]["number"] == number
    assert time.monotonic() - began < 30
    _grown(target, before, 34)  # what is remembered of the channel (history_bytes_max), and nothing per reader
    await asyncio.sleep(target.stall_timeout_s + 0.5)
    stopped.writer.transport.resume_reading()  # what still comes is read; the end is what matters
    code = await stopped.close_code()
    assert code in (0, 4101), code  # the Close itself may not get through what the peer has not read
    for peer in (stopped, reader, publisher):
        await peer.end()


async def narrow(target: Target) -> Peer:
    """Connect so that the network holds little, shake hands, and read no more."""
    sock = socket.socket(socket.AF_INET6 if ":" in target.host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (target.host, target.port))
    options = {"ssl": target.tls, "server_hostname": target.host} if target.tls else {}
    peer = Peer(*await asyncio.open_connection(sock=sock, limit=4096, **options), target)
    peer.send(head(target))
    status, _ = await peer.head()
    assert status == 101, status
    await peer.message()
    peer.writer.transport.pause_reading()
    return peer
