"""The descriptions that a server gives of itself, made once when somebody asks."""

import inspect
from typing import Any

import msgspec

from fleetwire.server.api.asyncapi import asyncapi
from fleetwire.server.api.openapi import openapi
from fleetwire.server.api.routes import ROUTES


class Descriptions:
    """Makes each description once.

    Args:
        base_path: under which a proxy serves it, or "".
    """

    def __init__(self, base_path: str) -> None:
        self._base_path = base_path
        self._made: dict[str, bytes] = {}

    def openapi(self) -> bytes:
        """Give openapi.json."""
        if "openapi" not in self._made:
            self._made["openapi"] = written(openapi(ROUTES, self._base_path))
        return self._made["openapi"]

    def asyncapi(self) -> bytes:
        """Give asyncapi.json."""
        if "asyncapi" not in self._made:
            self._made["asyncapi"] = written(asyncapi(self._base_path))
        return self._made["asyncapi"]


def written(description: object) -> bytes:
    """Write a description as people read it."""
    return msgspec.json.format(msgspec.json.encode(_cleaned(description)), indent=1) + b"\n"


def _cleaned(value: Any) -> Any:
    """Take the indentation off what comes of docstrings: newer Pythons have done that already."""
    if isinstance(value, dict):
        return {
            name: inspect.cleandoc(inner) if name == "description" and isinstance(inner, str) else _cleaned(inner)
            for name, inner in value.items()
        }
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value
