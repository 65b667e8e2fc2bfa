"""`fleetwire ack [ALERT_ID]`: acknowledge an alert, or list those that are open."""

import argparse
import asyncio
import logging
import ssl
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from fleetwire.cli import settings
from fleetwire.client.address import is_loopback, websocket_url
from fleetwire.client.secret import Secret
from fleetwire.wire.errors import AuthenticationError, NotConnectedError, RequestError, RequestTimeoutError

TIMEOUT_S = 10.0
BYTES_MAX = 16 * 1024 * 1024
LISTED_MAX = 100
REQUEST_ID = 1

_silent = logging.Logger("fleetwire.cli.ack")  # belongs to no tree: frames, with tokens, would be in its text
_silent.disabled = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which alert, and where."""
    parser.add_argument("alert_id", nargs="?", type=_alert_id, metavar="ALERT_ID", help="its id; without it: list")
    settings.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Acknowledge, or list.

    Raises:
        FleetwireError: no server, wrong token, no such alert.
    """
    url, token = settings.server_of(args)
    asyncio.run(_within_time(_Desk(websocket_url(url), token, settings.tls_of(args)), args.alert_id))
    return 0


async def _within_time(desk: "_Desk", alert_id: int | None) -> None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await (desk.list_open() if alert_id is None else desk.acknowledge(alert_id))
    except TimeoutError:
        raise RequestTimeoutError(f"no answer within {TIMEOUT_S:g} s: look at the server") from None


class _Connect(connect):
    """Follows no redirect: a token must not go where nobody has sent it."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Take every redirect for a failure."""
        return exc


class _Desk:
    """What a server is asked about alerts.

    Args:
        url: ws:// or wss://.
        token: says who asks.
        tls: the context for wss://; None for the system's own certificates.
    """

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._tls = tls
        self._token = token
        self._secret = Secret(token)

    async def acknowledge(self, alert_id: int) -> None:
        """Acknowledge one alert over the socket, and print it as its channel then carries it."""
        proxy: Literal[True] | None = None if is_loopback(self._url) else True
        try:
            options: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls}
            async with _Connect(self._url, logger=_silent, proxy=proxy, max_size=BYTES_MAX, **options) as link:
                await self._introduce(link)
                await _say(link, "subscribe", {"channels": ["alerts"]})
                await _say(link, "alert_ack", {"alert_id": alert_id}, REQUEST_ID)
                row = await self._acknowledged(link, alert_id)
        except (OSError, InvalidHandshake) as error:
            raise self._not_connected(error) from None
        except WebSocketException:
            raise NotConnectedError("the connection was lost before the answer: look with fleetwire ack") from None
        print(f"alert {alert_id} acknowledged by {row.get('acknowledged_by', '?')}: {_plain(row.get('message', ''))}")

    async def _introduce(self, link: ClientConnection) -> None:
        await _say(link, "auth", {"token": self._token})
        answer = await _heard(link, lambda message: message.get("type") == "auth_response")
        if answer.get("data", {}).get("status") != "authenticated":
            raise AuthenticationError("the server refuses the token: give its own as --auth-token")

    async def _acknowledged(self, link: ClientConnection, alert_id: int) -> dict[str, Any]:
        """Wait for the alert itself, or for the server's refusal."""

        def is_answer(message: dict[str, Any]) -> bool:
            data = message.get("data")
            if not isinstance(data, dict):
                return False
            if message.get("type") == "error":
                return REQUEST_ID in (message.get("id"), data.get("id"))
            return data.get("alert_id") == alert_id and data.get("acknowledged_at") is not None

        answer = await _heard(link, is_answer)
        data: dict[str, Any] = answer["data"]
        if answer.get("type") == "error":
            text = self._secret.hush(_plain(data.get("message", "")))
            raise RequestError(str(data.get("code", "error")), text, bool(data.get("temporary")))
        return data

    async def list_open(self) -> None:
        """List the open alerts that the API tells."""
        import aiohttp  # it takes longer to load than everything else

        parts = urlsplit(self._url)
        scheme = "https" if parts.scheme == "wss" else "http"
        path = parts.path.rstrip("/") + "/api/v1/alerts"
        url = urlunsplit((scheme, parts.netloc, path, f"status=open&limit={LISTED_MAX}", ""))
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                aiohttp.ClientSession(trust_env=not is_loopback(self._url)) as session,
                session.get(url, headers=headers, allow_redirects=False, ssl=self._tls or True) as answer,
            ):
                if answer.status != 200:
                    raise _refused(answer.status)
                page = msgspec.json.decode(await answer.content.read(BYTES_MAX))
        except (aiohttp.ClientError, OSError) as error:
            raise self._not_connected(error) from None
        except msgspec.DecodeError:
            raise RequestError(
                "invalid_message", "the answer is no list of alerts: is this a fleetwire?", False
            ) from None
        _print_page(page)

    def _not_connected(self, error: Exception) -> NotConnectedError:
        cause = getattr(error, "os_error", error)  # aiohttp wraps it
        if isinstance(cause, ConnectionRefusedError):
            text = "refused the connection: is the server running there?"
        else:
            reason = self._secret.hush(getattr(cause, "strerror", None) or type(cause).__name__)
            text = f"can't be reached ({reason}): is the server running there?"
        return NotConnectedError(f"{self._url} {text}")


def _refused(status: int) -> Exception:
    if status in (401, 403):
        return AuthenticationError("the server refuses the token: give its own as --auth-token")
    return RequestError(str(status), "the server lists no alerts: does it keep a fleet?", status >= 500)


def _print_page(page: Any) -> None:
    """Print alerts, a line for each."""
    rows = [row for row in page.get("items", []) if isinstance(row, dict)] if isinstance(page, dict) else []
    for row in rows:
        level, since, message = (_plain(row.get(name, "")) for name in ("level", "raised_at", "message"))
        seen = f"   (acknowledged by {_plain(row.get('acknowledged_by', '?'))})" if row.get("acknowledged_at") else ""
        print(f"{row.get('alert_id', '?')!s:>7}  {level:<9} {since:<25} {message}{seen}")
    if not rows:
        print("no alert is open")
    elif page.get("next"):
        print(f"these are the newest {len(rows)}; there are more")


async def _say(link: ClientConnection, kind: str, data: dict[str, Any], request_id: int | None = None) -> None:
    message: dict[str, Any] = {"type": kind, "data": data}
    if request_id is not None:
        message["id"] = request_id
    await link.send(msgspec.json.encode(message).decode())


async def _heard(link: ClientConnection, is_meant: Any) -> dict[str, Any]:
    """Read until the message that is meant."""
    while True:
        try:
            message = msgspec.json.decode(await link.recv())
        except msgspec.DecodeError:
            continue
        if isinstance(message, dict) and is_meant(message):
            return message


def _plain(text: object) -> str:
    return "".join(char if char.isprintable() else "?" for char in str(text))


def _alert_id(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no id of an alert")
    return int(text)
