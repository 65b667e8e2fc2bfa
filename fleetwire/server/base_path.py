"""The path under which a proxy serves everything."""

import re

from fleetwire.wire.errors import ConfigError

_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def checked_base_path(text: object) -> str:
    """Check a base path; "/" is none.

    Raises:
        ConfigError: it is no path, or one that a browser would change.
    """
    path = text.rstrip("/") if isinstance(text, str) else None
    if path is None or not _BASE_PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ConfigError(f'base_path must be a path like "/fleetwire", or empty, not {text!r:.60}')
    return path
