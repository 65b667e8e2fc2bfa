"""Loads what takes long to load, beside the running loop: one module at a time.

aiohttp is wanted by several at once (the HTTP side, the watchdog, calendars). Two threads that import parts of one
package at the same time may each find the other's half, and both fail for good.
"""

import asyncio
import importlib
import threading
from types import ModuleType
from typing import Final

_one_at_a_time: Final = threading.Lock()


async def loaded(name: str) -> ModuleType:
    """Import a module in a thread.

    Args:
        name: like "aiohttp.web".
    """
    return await asyncio.to_thread(_load, name)


def _load(name: str) -> ModuleType:
    with _one_at_a_time:
        return importlib.import_module(name)
