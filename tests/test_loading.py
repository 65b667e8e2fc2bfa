"""What takes long to load is loaded beside the loop, one module at a time."""

import asyncio
import sys
from pathlib import Path

import pytest

from fleetwire.loading import loaded

_LOADS_SLOWLY = """
import time
import {counts}

{counts}.now += 1
{counts}.most = max({counts}.most, {counts}.now)
time.sleep(0.05)
{counts}.now -= 1
"""


async def test_two_who_load_at_once_do_not_find_half_of_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counts_of_loading.py").write_text("now = most = 0\n")
    for name in ("loads_slowly_a", "loads_slowly_b"):
        (tmp_path / f"{name}.py").write_text(_LOADS_SLOWLY.format(counts="counts_of_loading"))
    monkeypatch.syspath_prepend(tmp_path)
    found = await asyncio.gather(*(loaded(f"loads_slowly_{which}") for which in "abab"))
    assert [module.__name__ for module in found] == [f"loads_slowly_{which}" for which in "abab"]
    assert sys.modules["counts_of_loading"].most == 1
