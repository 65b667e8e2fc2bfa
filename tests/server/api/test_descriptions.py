"""What a server says of itself is what the repository has on file."""

from pathlib import Path

import pytest

from fleetwire.spec import files, main
from tests.server.api.caller import Caller

SPEC = Path(__file__).parents[3] / "spec"


@pytest.mark.parametrize("name", ["openapi.json", "asyncapi.json"])
def test_the_file_is_as_it_would_be_written_now(name: str) -> None:
    assert (SPEC / name).read_bytes() == files()[name], f"spec/{name} is out of date: make spec"


@pytest.mark.parametrize("name", ["openapi.json", "asyncapi.json"])
async def test_a_server_gives_the_same(caller: Caller, name: str) -> None:
    assert (await caller.get(f"/{name}")).body == files()[name]


def test_the_files_are_written_where_it_is_asked(tmp_path: Path) -> None:
    main(tmp_path / "spec")
    assert {path.name for path in (tmp_path / "spec").iterdir()} == {"openapi.json", "asyncapi.json"}
