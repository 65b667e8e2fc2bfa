"""Making answers: JSON, ETags, pages and their links."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from fleetwire.server.api.exchange import Answer, Call
from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import Page

_encoder = msgspec.json.Encoder()
_CURSOR_CHARS_MAX = 1024


def rows(call: Call, body: Any, headers: dict[str, str] | None = None) -> Answer:
    """Answer with rows as JSON."""
    answer = Answer(body=_encoder.encode(body), headers=headers or {})
    if isinstance(body, Page) and body.next is not None:
        answer.headers["Link"] = f'<{_next_link(call, body.next)}>; rel="next"'
    return answer


def from_memory(call: Call, make: Callable[[], Any]) -> Answer:
    """Answer with rows that are known by the fleet's version: unchanged ones are not even made.

    Args:
        call: what is asked.
        make: makes the rows.
    """
    desk, asked = call.office.fleet, zlib.crc32(repr((call.path, call.asked, _part(call))).encode("utf-8", "replace"))
    etag = f'W/"{call.office.house.hub.epoch[:8]}.{desk.version():x}.{asked:x}"'
    if _matches(call.etag_asked, etag):
        return Answer(status=304, headers={"ETag": etag})
    return rows(call, make(), {"ETag": etag})


def _part(call: Call) -> list[str] | None:
    return None if call.scope is None else sorted(call.scope)


def from_store(call: Call, body: Any) -> Answer:
    """Answer with rows that are known by their content."""
    answer = rows(call, body)
    etag = f'W/"{hashlib.blake2b(answer.body, digest_size=9).hexdigest()}"'
    if _matches(call.etag_asked, etag):
        return Answer(status=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


def _matches(asked: str, etag: str) -> bool:
    """Compare weakly (RFC 9110 section 13.1.2)."""
    return asked == etag or asked == "*" or etag[2:] in (one.strip().removeprefix("W/") for one in asked.split(","))


def _next_link(call: Call, cursor: str) -> str:
    """Write the address of the next page: the same question, from the cursor on."""
    asked = {name: _written(name, value) for name, value in call.asked.items() if value is not None}
    return f"{call.office.base_path}{call.path}?{urlencode(asked | {'cursor': cursor}, quote_via=quote)}"


def _written(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(str(part) for part in value)
    return utc_text(value) if name in ("from", "until") else str(value)


def page(found: Sequence[Any], key: Callable[[Any], tuple[Any, ...]], limit: int, cursor: str | None) -> Page:
    """Cut a page out of rows, in the order of their keys; so that none is missed or doubled while rows come and go.

    Args:
        found: all rows.
        key: what a row is known by, of texts and numbers.
        limit: how many at most.
        cursor: of the page before.

    Raises:
        Problem: this is no cursor.
    """
    ordered = sorted(found, key=key)
    if cursor is not None:
        last = _read_cursor(cursor)
        try:
            ordered = [row for row in ordered if key(row) > last]
        except TypeError:
            raise _no_cursor() from None
    more = len(ordered) > limit
    return Page(items=ordered[:limit], total=len(found), next=_write_cursor(key(ordered[limit - 1])) if more else None)


def _write_cursor(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(_encoder.encode(key)).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor[:_CURSOR_CHARS_MAX] + "=" * (-len(cursor) % 4)
        return tuple(msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()), type=list[str | int]))
    except (binascii.Error, ValueError, RecursionError):
        raise _no_cursor() from None


def _no_cursor() -> Problem:
    return Problem(ProblemKind.wrong_parameter, "cursor: it must be the `next` of an earlier page, unchanged")
