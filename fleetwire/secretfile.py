"""Files with a secret: written whole or not at all, and readable by their owner alone."""

import contextlib
import os
from pathlib import Path


def read_secret(path: Path) -> str | None:
    """Give what a file holds, without the spaces around it; None where there is no file.

    Raises:
        OSError, UnicodeDecodeError: it can't be read.
    """
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None


def write_secret(path: Path, secret: str) -> None:
    """Keep a secret in the place of any older one; returns once it is on disk.

    Raises:
        OSError: it can't be written; what was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    with contextlib.suppress(OSError):  # Windows does not open folders, and needs no word on them
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
