"""What others build on is as it would be written now: a change of `wire` that they are not told of fails here."""

from pathlib import Path

import pytest

from fleetwire.spec import files, write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", files())
def test_the_file_is_as_it_would_be_written_now(name: str) -> None:
    assert (ROOT / name).read_bytes() == files()[name], f"{name} is out of date: make spec"


def test_the_files_are_written_where_it_is_asked(tmp_path: Path) -> None:
    write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == set(files())
