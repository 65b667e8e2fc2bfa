"""A lock on a file, which the system gives back when the process ends, however it ends."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        """Lock a byte far beyond the end, for what is locked can't be read by others there."""
        os.lseek(descriptor, 2**30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """A lock that one process has at a time; the file tells which. The file stays: removing it would be a race.

    Args:
        path: the file; it is made where there is none.

    Raises:
        OSError: the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> bool:
        """Take it; tell whether it is ours now."""
        try:
            _lock(self._descriptor)
        except OSError:
            return False
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, b"%d\n" % os.getpid())
        return True

    def owner(self) -> str:
        """Give the process id of whoever has it, as the file tells it."""
        try:
            return self.path.read_text("ascii").strip() or "unknown"
        except (OSError, ValueError):
            return "unknown"

    def give_back(self) -> None:
        """Let another have it; once."""
        os.close(self._descriptor)
