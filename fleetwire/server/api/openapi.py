"""OpenAPI 3.1, made of the table of routes and the types of what they take and give."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from fleetwire.hub.access import RIGHTS, Right
from fleetwire.server.api.parameters import Kind, Parameter
from fleetwire.server.api.problem import MEDIA_TYPE, ProblemDetails, ProblemKind
from fleetwire.server.api.routes import Route
from fleetwire.version import __version__
from fleetwire.wire.rows import Page

_REF = "#/components/schemas/{name}"
_DATE, _CLOCK = r"(19[7-9]\d|[2-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", r"([01]\d|2[0-3]):[0-5]\d"
_TIME = rf"^(\d{{1,14}}|{_DATE}(T{_CLOCK}(:[0-5]\d(\.\d{{1,6}})?)?(Z|[+-]{_CLOCK})?)?)$"
_ALWAYS = (ProblemKind.bad_request, ProblemKind.not_served_here, ProblemKind.internal_error)
_TEXTS = {
    "Fleetwire-Time": "the server's clock, UTC, to the millisecond: with `as_of` it tells the age of a row",
    "ETag": "send it as If-None-Match: the answer is 304 while nothing has changed",
    "Link": 'the next page, as <...>; rel="next"',
    "Allow": "the methods that are meant",
    "WWW-Authenticate": "Bearer",
    "Retry-After": "seconds",
}


def openapi(routes: Sequence[Route], base_path: str) -> dict[str, Any]:
    """Describe the API.

    Args:
        routes: all of them.
        base_path: under which it is reached, or "".
    """
    types = [ProblemDetails, *_types(routes)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fleetwire",
            "version": __version__,
            "summary": "The state of a fleet of MetaTrader experts over HTTP",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_path or "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: _without_tags(schema) for name, schema in components.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types(routes: Iterable[Route]) -> list[Any]:
    """Collect every type that is taken or given, each once."""
    found: dict[Any, Any] = {}
    for route in routes:
        for one in (route.answers, route.lists, route.body.form if route.body else None):
            if one is not None:
                found[_key(one)] = one
    return list(found.values())


def _key(one: Any) -> str:
    return str(one)


def _without_tags(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out the tags of facts: what a body may hold is known by its place, and `type` may be left out."""
    kind = schema.get("properties", {}).get("type", {})
    if set(kind) != {"enum"}:
        return schema
    properties = {name: value for name, value in schema["properties"].items() if name != "type"}
    return schema | {"properties": properties, "required": [name for name in schema["required"] if name != "type"]}


def _operation(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary}
    if route.right is not None:
        operation["description"] = f"For the roles {_roles(route.right)}."
        operation["security"] = [{"token": []}]
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.body is not None:
        content = {"application/json": {"schema": by_type[_key(route.body.form)]}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(route, by_type)
    return operation


def _roles(right: Right) -> str:
    return ", ".join(role.value for role, rights in RIGHTS.items() if right in rights)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "description": parameter.description,
        "schema": _schema(parameter),
    }
    return described | ({"required": True} if parameter.in_path else {})


def _schema(parameter: Parameter) -> dict[str, Any]:
    if parameter.kind is Kind.whole:
        schema: dict[str, Any] = {"type": "integer", "minimum": parameter.low, "maximum": parameter.high}
    elif parameter.kind is Kind.time:
        schema = {"type": "string", "pattern": _TIME, "examples": ["2026-11-22T17:31:00Z", "1795368660000"]}
    elif parameter.kind is Kind.account:
        schema = {"type": "string", "pattern": "^.{1,128}/[0-9]{1,19}$", "examples": ["Broker-Demo/400000005"]}
    elif parameter.choices:
        schema = {"type": "string", "enum": list(parameter.choices)}
    else:
        schema = {"type": "string", "minLength": parameter.low, "maxLength": parameter.high}
    return schema if parameter.default is None else schema | {"default": parameter.default}


def _responses(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    headers = ["Fleetwire-Time", *(["ETag"] if route.tagged else []), *(["Link"] if route.lists else [])]
    good = {"description": route.summary, "headers": _headers(headers), "content": _content(route, by_type)}
    responses: dict[str, Any] = {"200": good}
    if route.name == "readiness":
        responses["503"] = good | {"description": "what is wrong"}
    if route.tagged:
        responses["304"] = {"description": "nothing has changed", "headers": _headers(["Fleetwire-Time", "ETag"])}
    by_status: dict[int, list[ProblemKind]] = {}
    for kind in (*_ALWAYS, *_problems(route)):
        by_status.setdefault(kind.status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "; or ".join(dict.fromkeys(kind.title for kind in kinds)),
            "headers": _headers(_headers_of(status)),
            "content": {MEDIA_TYPE: {"schema": by_type[_key(ProblemDetails)]}},
        }
    return responses


def _problems(route: Route) -> Iterable[ProblemKind]:
    """List what can go wrong with a route besides what can go wrong with every one."""
    yield ProblemKind.method_not_allowed
    if route.parameters:
        yield ProblemKind.wrong_parameter
    if route.right is not None:
        yield from (ProblemKind.not_authenticated, ProblemKind.token_invalid, ProblemKind.forbidden)
        yield ProblemKind.too_many_failures
    if route.body is not None:
        yield from (ProblemKind.malformed_json, ProblemKind.too_large, ProblemKind.unsupported_media_type)
    if route.path.startswith("/api/") and route.right is not None:
        yield from route.may_fail


def _headers_of(status: int) -> list[str]:
    more = {401: ["WWW-Authenticate"], 403: ["WWW-Authenticate"], 405: ["Allow"], 503: ["Retry-After"]}
    return ["Fleetwire-Time", *more.get(status, [])]


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"description": _TEXTS[name], "schema": {"type": "string"}} for name in names}


def _content(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    if route.lists is not None:
        return {route.media: {"schema": _page_of(by_type[_key(route.lists)])}}
    if route.answers is not None:
        return {route.media: {"schema": by_type[_key(route.answers)]}}
    return {route.media.partition(";")[0]: {"schema": {"type": "string"}}}


def _page_of(row: dict[str, Any]) -> dict[str, Any]:
    """Describe a `Page` of rows of one type."""
    (_,), components = msgspec.json.schema_components([Page], ref_template=_REF)
    page = components[Page.__name__]
    properties = page["properties"] | {"items": {"type": "array", "items": row}}
    return {"type": "object", "properties": properties, "required": page["required"]}
