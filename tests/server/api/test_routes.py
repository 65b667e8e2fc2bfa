"""The table of routes, and finding one in it."""

import re

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.server.api.routes import ROUTES, Routes, allowed


def test_a_path_is_found_with_its_parameters() -> None:
    routes = Routes(ROUTES)
    methods, in_path = routes.at("/api/v1/experts/7")
    assert methods["GET"].name == "expert"
    assert in_path == {"ea_id": "7"}
    assert routes.at("/api/v1/experts/%37")[1] == {"ea_id": "7"}
    assert allowed(methods) == "GET, HEAD, OPTIONS"
    assert allowed(routes.at("/api/v1/publish")[0]) == "POST, OPTIONS"


@pytest.mark.parametrize(
    "path", ["", "/api/v1/experts/", "/api/v1/experts/7/8", "/api/v1/experts//", "/API/v1/fleet", "/api/v1/fleet/", "*"]
)
def test_where_nothing_is_nothing_is_found(path: str) -> None:
    assert Routes(ROUTES).at(path) == ({}, {})


def test_the_table_holds_together() -> None:
    """Names and paths are unique, parameters of paths are declared, limits exist, and the API is not for everybody."""
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        in_path = {parameter.name for parameter in route.parameters if parameter.in_path}
        assert set(re.findall(r"\{(\w+)\}", route.path)) == in_path
        assert len({parameter.name for parameter in route.parameters}) == len(route.parameters)
        assert route.path.startswith("/api/v1/") == (route.right is not None)
        assert route.body is None or route.body.limit in Limits.__struct_fields__
        assert (route.answers is None) or (route.lists is None)
