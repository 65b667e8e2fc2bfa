"""One socket <-> one session: frames in, answers out, within limits that a hostile peer can't move."""

import asyncio
import logging
import math
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qsl

from websockets.exceptions import NegotiationError
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import ExtensionParameter, Subprotocol

from fleetwire.hub.access import Access, Identity
from fleetwire.hub.session import Close, Expiring, Output, Ping, Session
from fleetwire.server.api.parameters import SECRET_NAMES
from fleetwire.server.door import Rooms, refuse
from fleetwire.server.silent import silent
from fleetwire.wire.errors import CloseCode, ErrorCode, MessageError
from fleetwire.wire.forms import SUBPROTOCOLS, form_of
from fleetwire.wire.moment import Moment

logger = logging.getLogger("fleetwire.server")

_PING = b"\x89\x00"
_SLICE_BYTES = 8 * 1024  # of input in one turn: one-byte frames must not hold the loop
_CONTROL_BYTES = 64  # that a ping is counted as at least: it costs more than its bytes
_CLOSING_S = 2.0  # for the peer's part of the closing handshake
_OFFERS = ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")
_OFFERS_MAX = 32  # in one header; the library takes its time with each
_REASON_BYTES_MAX = 123  # RFC 6455 section 5.5.1


class _Deflate(ServerPerMessageDeflateFactory):
    """permessage-deflate without context takeover (RFC 7692): what is compressed once suits everybody."""

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """Decline a smaller window than everybody else's."""
        if any(name == "server_max_window_bits" and bits != "15" for name, bits in params):
            raise NegotiationError("only a window of 15 bits is spoken here")
        return super().process_request_params(params, accepted_extensions)


_SUBPROTOCOLS = [Subprotocol(name) for name in SUBPROTOCOLS]
_EXTENSIONS = [_Deflate(server_no_context_takeover=True, client_no_context_takeover=True)]


class _Protocol(ServerProtocol):
    """The library's protocol, with the client's order of preference."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Take the first that is spoken here; without one it is version 1."""
        return next((offered for offered in subprotocols if offered in SUBPROTOCOLS), None)


class WebSocketConnection(asyncio.Protocol):
    """One WebSocket connection, from the upgrade's head on.

    Args:
        rooms: of the server.
        transport: of the connection.
        address: the peer's.
    """

    __slots__ = (
        "_abort_at",
        "_answers",
        "_closing",
        "_deaf",
        "_ended",
        "_fragment_count",
        "_fragments",
        "_inbox",
        "_inbox_at",
        "_next_slice",
        "_protocol",
        "_rooms",
        "_write_paused",
        "address",
        "due",
        "session",
        "transport",
    )

    def __init__(self, rooms: Rooms, transport: asyncio.Transport, address: str) -> None:
        self._rooms = rooms
        self.transport = transport
        self.address = address
        self._protocol = _Protocol(
            extensions=_EXTENSIONS if rooms.compression else None,
            subprotocols=_SUBPROTOCOLS,
            max_size=self._rooms.house.limits.message_bytes_max,
            logger=silent,
        )
        self.session: Session | None = None
        self.due = float("inf")
        self._inbox = b""
        self._inbox_at = 0
        self._next_slice: asyncio.Handle | None = None
        self._fragments: list[bytes] | None = None
        self._fragment_count = 0
        self._write_paused = False
        self._closing = False  # nothing is heard or said any more
        self._deaf = False  # nothing is even read any more
        self._ended = False  # our last word is written
        self._abort_at = float("inf")
        self._answers: list[bytes] | None = None  # of one feed: they leave in one write

    # ------------------------------------------------------------------------------------------------------- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: ARG002  (asyncio's signature)
        """Bound what may wait to be written."""
        self._rooms.guests.hand_over(self)
        self.transport.set_write_buffer_limits(high=self._rooms.house.limits.out_buffer_bytes_max)

    def data_received(self, data: bytes) -> None:
        """Take input in slices, the first at once."""
        if self.session is not None:
            self.session.heartbeat.seen_at = self._rooms.clock.monotonic()
        if self._inbox:
            self._inbox += data  # only what was under way when reading was paused
        elif len(data) <= _SLICE_BYTES and not self._write_paused:
            self._feed(data)
        else:
            self._inbox, self._inbox_at = data, 0
            self._feed_slice()

    def _feed_slice(self) -> None:
        """Feed one slice; the rest has to wait for the next turns, and the socket with it."""
        self._next_slice = None
        if self._write_paused or self._deaf or not self._inbox:
            return
        end = self._inbox_at + _SLICE_BYTES
        piece, self._inbox_at = self._inbox[self._inbox_at : end], end
        if end < len(self._inbox):
            self.transport.pause_reading()
            self._next_slice = asyncio.get_running_loop().call_soon(self._feed_slice)
        else:
            self._inbox = b""
            self.transport.resume_reading()
        self._feed(piece)

    def eof_received(self) -> bool | None:
        """Leave; the transport closes itself once it has written what it holds, if the peer reads that in time."""
        self._inbox = b""
        self._protocol.receive_eof()
        self._leave()
        return None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        """Forget the session."""
        self._rooms.deadlines.forget(self)
        self._inbox = b""
        self._leave()
        self._rooms.guests.leave(self)
        if self.session is not None:
            logger.info("client %s gone", self.session.client_id)

    def pause_writing(self) -> None:
        """Read no more either: requests must not pile up answers."""
        self._write_paused = True
        self.transport.pause_reading()
        if self.session is not None and not self._closing:
            now = self._rooms.clock.monotonic()
            self.session.stall(now)
            self._rooms.pump.pause(self.session)
            self._rooms.deadlines.watch(self, self.session.next_deadline())

    def resume_writing(self) -> None:
        """Go on."""
        self._write_paused = False
        if self.session is not None and not self._closing:
            self.session.drain(self._rooms.clock.monotonic())
            self._rooms.pump.drained(self.session)
            self._rooms.deadlines.watch(self, self.session.next_deadline())
        # Last, since answers to what is read may fill the transport again.
        if self._deaf:
            return
        if not self._inbox:
            self.transport.resume_reading()
        elif self._next_slice is None:
            self._feed_slice()

    # -------------------------------------------------------------------------------------------------------- frames

    def _feed(self, data: bytes) -> None:
        protocol = self._protocol
        self._answers = []
        protocol.receive_data(data)
        for event in protocol.events_received():
            if self._closing:
                break
            if isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Request):
                self._take_request(event)
        if protocol.handshake_exc is not None and not self._closing and not any(protocol.writes):
            self._closing = True
            refuse(self.transport, "400 Bad Request", "this is no HTTP request")
            return
        self._send_protocol_data()
        self._answers = None
        self._rooms.pump.wake()

    def _take_request(self, request: Request) -> None:
        """Answer the handshake, and open a session if it is one."""
        if self._protocol.data_to_send():  # an answer to frames that came with the request
            self._closing = True
            refuse(self.transport, "400 Bad Request", "frames come after the handshake, not with it")
            return
        hosts = request.headers.get_all("Host")
        origins = request.headers.get_all("Origin")
        if len(hosts) != 1 or len(origins) > 1:
            self._refuse(400, "a request has exactly one Host, and at most one Origin")
            return
        if any(value.count(",") >= _OFFERS_MAX for name in _OFFERS for value in request.headers.get_all(name)):
            self._refuse(400, f"at most {_OFFERS_MAX} subprotocols and extensions are looked at")
            return
        local = self.transport.get_extra_info("sockname")
        refusal = self._rooms.doorkeeper.refusal(hosts[0], origins[0] if origins else None, str(local[0]))
        if refusal:
            self._refuse(403, refusal)
            return
        response = self._protocol.accept(request)
        if response.status_code == 400 and request.headers.get_all("Sec-WebSocket-Version") != ["13"]:
            response = self._protocol.reject(426, "only version 13 of the WebSocket protocol is spoken here\n")
            response.headers["Upgrade"] = "websocket"
            response.headers["Sec-WebSocket-Version"] = "13"
        identity = None
        if response.status_code == 101:
            response, identity = self._let_in(request, response)
        self._protocol.send_response(response)
        request.headers.clear()  # the library's parser holds the request for as long as the connection lives
        request.path = ""  # likewise, and a ticket may stand in it
        if response.status_code == 101:
            self._write(b"".join(self._protocol.data_to_send()))
            if not self._closing:
                self._open_session(identity)

    def _let_in(self, request: Request, response: Response) -> tuple[Response, Identity | None]:
        """See whether a sound handshake may go on, and who comes with a ticket; else give the refusal instead."""
        rooms, now = self._rooms, self._rooms.clock.monotonic()
        self.address = rooms.proxies.client_of(self.address, request.headers.get_all("X-Forwarded-For"))
        if rooms.guests.is_known_as(self, self.address) is not None:
            return self._too_many("too many connections of this address: try again later", 1.0), None
        if not rooms.house.guard.may_open(self.address, now):
            return self._too_many("too many handshakes of this address: go slower", 1.0), None
        asked = parse_qsl(request.path.partition("?")[2], keep_blank_values=True, errors="replace")
        if any(name.lower() in SECRET_NAMES for name, _ in asked):
            text = (
                "a token does not belong into a URL, which is logged on its way: replace this one, send it in an auth"
            )
            return self._protocol.reject(400, text + " message, or ask for a ticket\n"), None
        tickets = [value for name, value in asked if name == "ticket"]
        if not tickets:
            return response, None
        identity = rooms.house.guard.tickets.take(tickets[0], now) if len(tickets) == 1 else None
        if identity is not None:  # its token may have come to its end since
            identity = rooms.house.access.review(identity, rooms.clock.moment())
        return (response, identity) if identity is not None else (self._wrong_ticket(now), None)

    def _wrong_ticket(self, now: float) -> Response:
        guard = self._rooms.house.guard
        if guard.failed(self.address, now):
            return self._too_many("too many wrong tokens from this address", guard.delay_s(self.address, now))
        return self._protocol.reject(401, "this ticket is unknown, used, or too old: ask for another\n")

    def _too_many(self, text: str, wait_s: float) -> Response:
        response = self._protocol.reject(429, text + "\n")
        response.headers["Retry-After"] = str(math.ceil(wait_s))
        return response

    def _refuse(self, status: int, text: str) -> None:
        self._protocol.send_response(self._protocol.reject(status, text + "\n"))

    def _open_session(self, identity: Identity | None) -> None:
        rooms = self._rooms
        now, utc = rooms.clock.monotonic(), rooms.clock.utc()
        client_id = secrets.token_hex(6)
        form = form_of(self._protocol.subprotocol, deflated=bool(self._protocol.extensions))
        self.session = Session(rooms.house, client_id, self.address, self.transport.write, now, utc, form)
        let_in = identity is None or self.session.become(identity)
        self._write(self.session.welcome(utc))
        logger.info("client %s connected from %s", client_id, self.address)
        if not let_in:
            self._perform([self.session.too_many()])
            return
        self._identified(self.session)

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._leave()
        elif frame.opcode in (Opcode.PING, Opcode.PONG):
            self._count(frame)
        elif frame.opcode is Opcode.CONT or (frame.opcode in (Opcode.TEXT, Opcode.BINARY) and self._is_spoken(frame)):
            if frame.fin and frame.opcode is not Opcode.CONT:
                self._take_message(bytes(frame.data))
            else:
                self._take_fragment(frame)

    def _count(self, frame: Frame) -> None:
        """Count a ping or a pong among the bytes that are said; the protocol answers it."""
        if self.session is not None:
            now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
            if frame.opcode is Opcode.PONG:
                self.session.heartbeat.answered(now)
            self._perform(self.session.heard(0, len(frame.data) + _CONTROL_BYTES, now, utc))

    def _is_spoken(self, frame: Frame) -> bool:
        """Tell whether frames of this kind were agreed on; if not, this is the end."""
        binary = self.session is not None and self.session.form.binary
        if binary is (frame.opcode is Opcode.BINARY):
            return True
        self._perform(
            [Close(CloseCode.unsupported_data, f"only {'binary' if binary else 'text'} frames are spoken here")]
        )
        return False

    def _take_fragment(self, frame: Frame) -> None:
        """Put fragments together; the protocol bounds their bytes, their number is ours to bound."""
        if self._fragments is None:
            self._fragments, self._fragment_count = [], 0
        self._fragment_count += 1
        if self._fragment_count > self._rooms.house.limits.fragments_max:
            self._perform([Close(CloseCode.policy_violation, "a message in too many fragments")])
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            payload = b"".join(self._fragments)
            self._fragments = None
            self._take_message(payload)

    def _take_message(self, payload: bytes) -> None:
        session = self.session
        if session is None:
            return
        if not session.form.binary:
            try:
                str(payload, "utf-8")
            except UnicodeDecodeError:
                self._perform([Close(CloseCode.invalid_data, CloseCode.invalid_data.meaning)])
                return
        before, failures = session.identity, session.auth_failures
        now, utc = self._rooms.clock.monotonic(), self._rooms.clock.utc()
        try:
            outputs = session.receive(payload, now, utc)
        except Exception:  # a defect of ours must cost one answer, not the connection, and no other client
            logger.exception("client %s: a message could not be answered", session.client_id)
            text = "the server failed to answer; the failure is in its log"
            outputs = session.refuse(MessageError(ErrorCode.internal_error, text), now, utc)
        self._perform(outputs)
        if before is not session.identity:
            self._identified(session)
        if before is None and session.identity is not None:
            logger.info("client %s authenticated as %s", session.client_id, session.identity.role.value)
        if session.auth_failures > failures:
            logger.warning("client %s from %s gave a wrong token", session.client_id, self.address)

    def _identified(self, session: Session) -> None:
        """Let its identity's limits and its end apply."""
        self._protocol.max_message_size = session.message_bytes_max
        if not self._closing:
            self._rooms.deadlines.watch(self, session.next_deadline())

    def review(self, access: Access, at: Moment) -> None:
        """End the session if its token, or its secret, counts no more; let it end when that will be."""
        session = self.session
        if session is None or session.identity is None or self._closing:
            return
        until = session.identity.until
        found = access.review(session.identity, at)
        if found is None and until is not None and at.now >= until:
            self.close(CloseCode.token_expired, CloseCode.token_expired.meaning)
        elif found is None:
            self.close(CloseCode.token_invalid, "the token was revoked")
        elif found != session.identity:
            session.renew(found)
            self._identified(session)

    # ------------------------------------------------------------------------------------------------------- outputs

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            if self._closing:
                return
            if isinstance(output, Ping):
                self._write(_PING)
            elif isinstance(output, Expiring):
                if self.session is not None:
                    self._write(self.session.say_expiring(output.left_s, self._rooms.clock.utc()))
            elif isinstance(output, Close):
                self.close(output.code, output.reason)
            else:
                self._write(output)

    def _write(self, frame: bytes) -> None:
        """Write a frame: at once, or with the other answers to what is being fed."""
        if self._answers is None:
            self.transport.write(frame)
        else:
            self._answers.append(frame)

    def check(self, now: float) -> float | None:
        """Do what is due for the session; end a closing handshake that takes too long."""
        if self._closing:
            if now < self._abort_at:
                return self._abort_at
            self.transport.abort()
            return None
        if self.session is None:
            return None
        output = self.session.check(now)
        if output is not None:
            self._perform([output])
        return self._abort_at if self._closing else self.session.next_deadline()

    def close(self, code: CloseCode, reason: str) -> None:
        """Begin the closing handshake; nothing is written after it. Where no session is, end at once."""
        if self._closing:
            return
        if self.session is None:
            self.transport.abort()
            return
        self._leave()
        if self._protocol.state is State.OPEN:  # else the peer's own Close, or its last frame, is answered already
            self._protocol.send_close(code.code, reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore"))
        self._send_protocol_data()
        self._ended = True
        if code is CloseCode.rate_limited:  # what it still says is not taken in: the flood waits with its sender
            self._deaf, self._inbox = True, b""
            self.transport.pause_reading()
        logger.info("client %s closed: %d %s", self.session.client_id, code.code, reason)

    def _leave(self) -> None:
        """Hear and say nothing more, and end soon."""
        if self._closing:
            return
        self._closing = True
        self._abort_at = self._rooms.clock.monotonic() + _CLOSING_S
        self._rooms.deadlines.watch(self, self._abort_at)
        if self.session is not None:
            self.session.leave()

    def _send_protocol_data(self) -> None:
        """Write the answers so far and what the protocol has to say: pongs, a close frame, the end of the stream."""
        told = self._protocol.data_to_send()
        if self._answers:
            told = self._answers + told
            self._answers = []
        frames = b"".join(told)
        if frames and not self._ended:
            self.transport.write(frames)
        if b"" in told:
            self._end_stream()

    def _end_stream(self) -> None:
        """End our half of the stream only: a peer that is still writing can then read why."""
        self._leave()
        self._ended = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
