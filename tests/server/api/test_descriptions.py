"""What a server says of itself is what the repository has on file (tests/spec/test_spec.py keeps that up to date)."""

import pytest

from fleetwire.spec import files
from tests.server.api.caller import Caller


@pytest.mark.parametrize("name", ["openapi.json", "asyncapi.json"])
async def test_a_server_gives_the_same(caller: Caller, name: str) -> None:
    assert (await caller.get(f"/{name}")).body == files()[f"spec/{name}"]
