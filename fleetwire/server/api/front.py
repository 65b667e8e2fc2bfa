"""Takes each request through the checks, in their order, to its endpoint: the whole API without a socket."""

import inspect
import logging
import math
import re

import msgspec

from fleetwire.hub.access import Identity, Right
from fleetwire.server.api.dashboard import read_bundle, routes_of
from fleetwire.server.api.descriptions import Descriptions
from fleetwire.server.api.exchange import JSON, Answer, Call, Office, Request
from fleetwire.server.api.page import MEDIA_TYPE, page
from fleetwire.server.api.parameters import Kind, Parameter, read_parameters, read_query
from fleetwire.server.api.problem import MEDIA_TYPE as PROBLEM_TYPE
from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.server.api.routes import ROUTES, Body, Route, Routes, allowed
from fleetwire.wire.errors import CommandError, DataError, ErrorCode, ForbiddenError, NotFoundError, StoreError

logger = logging.getLogger("fleetwire.server")

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_RETRY_S = 5  # until what can't be kept is to be sent again
_PREFLIGHT_S = 600  # a browser asks again after so long whether it may ask
_MISSING = "send the header Authorization: Bearer ..., with a token of this server"
_WRONG_MEDIA = "send the header Content-Type: application/json, and the body as JSON in UTF-8"
_JSON_MEDIA = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?', re.IGNORECASE)

_COMMANDS = {
    ErrorCode.forbidden: ProblemKind.forbidden,
    ErrorCode.not_found: ProblemKind.not_found,
    ErrorCode.conflict: ProblemKind.conflict,
    ErrorCode.rate_limited: ProblemKind.rate_limited,
}


class Front:
    """Answers requests.

    Args:
        office: what the endpoints may use.
    """

    def __init__(self, office: Office) -> None:
        self.office = office
        self._routes = Routes((*ROUTES, *_of_the_server(office)))

    async def answer(self, request: Request) -> Answer:
        """Answer a request, whatever it is."""
        path, origin = self._below_base(request.path), None
        try:
            self._check_host(request)
            origin = request.headers.get("Origin")
            answer = self._to_the_folder(request) or await self._checked(request, path)
        except Problem as problem:
            answer = _refusal(problem, request.path)
        except Exception:  # a defect of ours; aiohttp, which logs what peers send, is silenced
            logger.exception("a request could not be answered")
            text = "the server failed; the failure is in its log"
            answer = _refusal(Problem(ProblemKind.internal_error, text), request.path)
        self._finish(answer, path, origin)
        return answer

    def _below_base(self, path: str) -> str:
        """Take the base path off, where the proxy did not."""
        base = self.office.base_path
        if base and path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
            return path[len(base) :] or "/"
        return path

    def _to_the_folder(self, request: Request) -> Answer | None:
        """Lead from the base path to the folder of that name: the page's own links are relative."""
        base = self.office.base_path
        if not base or request.path != base or request.method not in ("GET", "HEAD"):
            return None
        query = f"?{request.query}" if request.query else ""
        return Answer(status=308, headers={"Location": f"{base}/{query}"})

    async def _checked(self, request: Request, path: str) -> Answer:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            text = "a WebSocket begins on a connection of its own, or after all answers have come: connect again"
            raise Problem(ProblemKind.upgrade_elsewhere, text, {"Upgrade": "websocket", "Connection": "close"})
        query = read_query(request.query)
        methods, in_path = self._routes.at(path)
        if not methods:
            text = f"there is nothing here: {self.office.base_path}/openapi.json lists all there is"
            raise Problem(ProblemKind.not_found, text)
        if request.method == "OPTIONS":
            return _options(request, methods)
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            allow = allowed(methods)
            raise Problem(ProblemKind.method_not_allowed, f"only {allow} is meant here", {"Allow": allow})
        identity = self._identify(request, route)
        asked = read_parameters(route.parameters, in_path, query)
        body = await self._body(request, route.body)
        etag, coding = request.headers.get("If-None-Match", ""), request.headers.get("Accept-Encoding", "")
        call = Call(self.office, path, asked, identity, body, etag, request.address, coding)
        return await _called(route, call)

    def _check_host(self, request: Request) -> None:
        hosts, origins = request.headers.getall("Host", []), request.headers.getall("Origin", [])
        if len(hosts) != 1 or len(origins) > 1:
            raise Problem(ProblemKind.bad_request, "a request has exactly one Host, and at most one Origin")
        refusal = self.office.doorkeeper.refusal(hosts[0], origins[0] if origins else None, request.reached_at)
        if refusal:
            raise Problem(ProblemKind.not_served_here, refusal)

    def _identify(self, request: Request, route: Route) -> Identity | None:
        if route.right is None:
            return None
        given = request.headers.getall("Authorization", [])
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            text = "a request has at most one Authorization" if len(given) > 1 else _MISSING
            raise Problem(ProblemKind.not_authenticated, text, _challenge())
        identity = self.office.house.access.identify(token.strip(), self.office.clock.moment())
        if identity is None:
            self._count_failure(request)
            text = "this token is not known here, or not any more: check it against the server's"
            raise Problem(ProblemKind.token_invalid, text, _challenge("invalid_token"))
        if not identity.may(route.right):
            if route.right is Right.command and self.office.desk is not None:
                why = identity.why_not(route.right)
                self.office.desk.refuse(f"{route.name} over HTTP", identity.by, request.address, why)
            raise Problem(ProblemKind.forbidden, identity.why_not(route.right), _challenge("insufficient_scope"))
        whole = not identity.is_limited if route.right is Right.manage_tokens else identity.scope is None
        if not route.in_parts and not whole:
            text = "this token is for a part of the fleet, and the answer here is about all of it: list its parts"
            raise Problem(ProblemKind.forbidden, text, _challenge("insufficient_scope"))
        if route.channel is not None and not identity.may_hear(route.channel):
            text = f"this token is not for {route.channel}, nor for what that tells"
            raise Problem(ProblemKind.forbidden, text, _challenge("insufficient_scope"))
        return identity

    def _count_failure(self, request: Request) -> None:
        """Count a wrong token. Right ones never come here: nobody is kept out by what others of an address guess."""
        guard, now = self.office.house.guard, self.office.clock.monotonic()
        if guard.failed(request.address, now):
            wait_s = math.ceil(guard.delay_s(request.address, now))
            text = f"too many wrong tokens from this address: try no other within {wait_s} s"
            raise Problem(ProblemKind.too_many_failures, text, {"Retry-After": str(wait_s)})

    async def _body(self, request: Request, meant: Body | None) -> bytes:
        """Read the body, within its limit; what MQL5's StringToCharArray leaves at its end is taken off."""
        if meant is None:
            if request.has_body:
                raise Problem(ProblemKind.unexpected_body, f"{request.method} takes no body here: leave it out")
            return b""
        coding = request.headers.get("Content-Encoding", "identity")
        if coding.strip().lower() != "identity":
            text = f"bodies are taken as they are: send no Content-Encoding {coding!r:.40}"
            raise Problem(ProblemKind.unsupported_media_type, text, {"Accept-Encoding": "identity"})
        if not _JSON_MEDIA.fullmatch(request.headers.get("Content-Type", "").strip()):
            raise Problem(ProblemKind.unsupported_media_type, _WRONG_MEDIA, {"Accept": JSON})
        limit = getattr(self.office.house.limits, meant.limit)
        body = await request.read(limit)
        if body is None:
            raise Problem(ProblemKind.too_large, f"at most {limit} bytes are taken ({meant.limit}): send it in parts")
        return body.rstrip(b"\0")

    def _finish(self, answer: Answer, path: str, origin: str | None) -> None:
        """Add what every answer has; and that a page may read it, where its origin is allowed."""
        of_the_api = path.startswith("/api/")
        headers = {
            "Fleetwire-Time": self.office.clock.utc(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-cache" if of_the_api and answer.status < 400 else "no-store",
            "Server": "fleetwire",
        }
        if answer.media is MEDIA_TYPE:
            headers["Content-Security-Policy"] = _POLICY
        if of_the_api:
            headers["Vary"] = "Authorization, Origin"
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = "ETag, Link, Fleetwire-Time, Retry-After, Allow"
        answer.headers = headers | answer.headers


def _challenge(error: str | None = None) -> dict[str, str]:
    """Ask for a token (RFC 6750 section 3)."""
    said = "" if error is None else f', error="{error}"'
    return {"WWW-Authenticate": f'Bearer realm="fleetwire"{said}'}


def _options(request: Request, methods: dict[str, Route]) -> Answer:
    """Say what may be asked here; to a browser, whether its page may."""
    allow = allowed(methods)
    headers = {"Allow": allow}
    if "Access-Control-Request-Method" in request.headers:
        headers["Access-Control-Allow-Methods"] = allow
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-None-Match"
        headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
    return Answer(status=204, headers=headers)


async def _called(route: Route, call: Call) -> Answer:
    """Call the endpoint; what others raise becomes a refusal."""
    try:
        answer = route.endpoint(call)
        return await answer if inspect.isawaitable(answer) else answer
    except DataError as error:
        raise Problem(ProblemKind.invalid_data, str(error)) from None
    except CommandError as error:
        raise Problem(_COMMANDS.get(error.code, ProblemKind.invalid_data), error.message) from None
    except ForbiddenError as error:
        raise Problem(ProblemKind.forbidden, str(error), _challenge("insufficient_scope")) from None
    except NotFoundError as error:
        raise Problem(ProblemKind.not_found, str(error)) from None
    except StoreError as error:
        logger.debug("%s could not be answered: %s", route.path, error)  # the store tells it aloud, and once
        raise Problem(ProblemKind.store_unavailable, str(error), {"Retry-After": str(_RETRY_S)}) from None


def _refusal(problem: Problem, path: str) -> Answer:
    body = msgspec.json.encode(problem.details(path[:256]))
    return Answer(
        status=problem.kind.status,
        body=body,
        media=PROBLEM_TYPE,
        headers=problem.headers,
        closes=problem.kind is ProblemKind.upgrade_elsewhere,
    )


def _plain_page(office: Office) -> Route:
    """Declare the page that is there where no dashboard was built."""
    return Route(
        method="GET",
        path="/",
        name="page",
        summary="a page that says that the server runs",
        endpoint=lambda _: Answer(body=page(office.base_path), media=MEDIA_TYPE),
        parameters=(Parameter(name="ticket", kind=Kind.text, description="for the WebSocket that it opens"),),
    )


def _of_the_server(office: Office) -> tuple[Route, ...]:
    """Declare what is no part of the API's description: the page, and the descriptions themselves."""
    descriptions = Descriptions(office.base_path)
    return (
        *(routes_of(read_bundle()) or (_plain_page(office),)),
        Route(
            method="GET",
            path="/openapi.json",
            name="openapi",
            summary="this description",
            endpoint=lambda _: Answer(body=descriptions.openapi()),
        ),
        Route(
            method="GET",
            path="/asyncapi.json",
            name="asyncapi",
            summary="what is said over WebSocket",
            endpoint=lambda _: Answer(body=descriptions.asyncapi()),
        ),
    )
