"""The description of the API is valid, is that of the routes, and what is answered is of the form that it says."""

import json
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from fleetwire.server.api.openapi import openapi
from fleetwire.server.api.problem import ProblemKind
from fleetwire.server.api.routes import ROUTES, Route
from tests.server.api.caller import Caller
from tests.server.api.conftest import Call
from tests.server.api.desk import report_of

DESCRIBED: dict[str, Any] = json.loads(json.dumps(openapi(ROUTES, "")))


def test_it_is_valid() -> None:
    validate(DESCRIBED)


def test_it_has_every_route_and_no_other() -> None:
    described = {(method.upper(), path) for path, methods in DESCRIBED["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}


def conforms(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**schema, "components": DESCRIBED["components"]}).validate(value)


PATHS = {
    "/api/v1/experts/{ea_id}": "/api/v1/experts/1",
    "/api/v1/alerts/{alert_id}/ack": "/api/v1/alerts/1/ack",
    "/api/v1/commands/{command_id}": "/api/v1/commands/c1",
    "/api/v1/commands/{command_id}/cancel": "/api/v1/commands/c1/cancel",
    "/api/v1/tokens/{token_id}/rotate": "/api/v1/tokens/tok_1/rotate",
    "/api/v1/tokens/{token_id}/revoke": "/api/v1/tokens/tok_1/revoke",
}
QUERIES = {"/api/v1/equity": "?ea_id=1", "/api/v1/statistics": "?ea_id=1"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name != "metrics"], ids=lambda route: route.name)
async def test_answers_have_the_form_that_it_says(caller: Caller, callers: Call, route: Route) -> None:
    responses = DESCRIBED["paths"][route.path][route.method.lower()]["responses"]
    path = PATHS.get(route.path, route.path)
    bodies = {
        "publish": b'{"channel": "alerts", "data": {}}',
        "report": report_of(2),
        "report_alias": report_of(1),
        "command": b'{"command": "pause", "target": {"ea_id": 1}}',
        "cancel": b"{}",
        "create_token": b'{"role": "viewer"}',
        "rotate_token": b'{"overlap_s": 60}',
    }
    reply = await caller.call(f"{route.method} {path}{QUERIES.get(path, '')}", body=bodies.get(route.name))
    assert reply.status == 200, reply
    conforms(reply.json, responses["200"]["content"]["application/json"]["schema"])
    assert ("etag" in reply.headers) == ("ETag" in responses["200"]["headers"])
    body = bodies.get(route.name)
    for refused in (
        await (await callers()).call(f"{route.method} {path}?nonsense=1", body=body),
        await (await callers()).call(f"{route.method} {path}", body=body, token="wrong"),
        await (await callers()).call(f"PATCH {path}"),
    ):
        if refused.status != 200:  # some things are for everybody
            conforms(refused.json, responses[str(refused.status)]["content"]["application/problem+json"]["schema"])


def test_a_real_report_has_the_form_that_it_says_and_a_wrong_one_not() -> None:
    body = DESCRIBED["paths"]["/api/v1/ea/report"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    conforms(json.loads(report_of(3)), schema)
    with pytest.raises(jsonschema.ValidationError):
        conforms({"experts": [{"ea_id": -1}]}, schema)


def test_every_kind_of_problem_but_those_of_the_connection_is_described() -> None:
    titles = json.dumps(DESCRIBED["paths"])
    undescribed = {kind for kind in ProblemKind if kind.title not in titles}
    assert undescribed <= {
        ProblemKind.token_in_url,
        ProblemKind.unknown_parameter,
        ProblemKind.unexpected_body,
        ProblemKind.upgrade_elsewhere,
    }
