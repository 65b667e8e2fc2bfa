"""A disk for SQLite that fails on demand, and of which is known what would be left if the power were cut."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import apsw

_SECTOR = 512
_names = iter(range(1_000_000))

Change = Callable[[bytearray], None]


class Disk(apsw.VFS):
    """Files go to the real disk; beside it is kept what of them is surely there: what was synced.

    `full` and `broken` make every write fail. `sync_fails` makes syncs fail as Linux does it: what could not be
    written is forgotten, later syncs succeed without it, and who reads the file sees it nevertheless.
    """

    def __init__(self) -> None:
        self.name = f"disk-{next(_names)}"
        super().__init__(self.name, "")
        self.full = self.broken = self.sync_fails = False
        self.refused = self.synced = 0
        self.done, self.fails_at = 0, -1  # how much was asked of it, and which one of that fails, once
        self.turns = threading.Event()  # while it is not set, syncs take for ever
        self.turns.set()
        self.lock = threading.Lock()
        self.surely: dict[str, bytearray] = {}
        self.unsynced: dict[str, list[Change]] = {}

    def xOpen(self, name: object, flags: list[int]) -> "File":
        return File(self, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:
        super().xDelete(name, sync_folder)
        with self.lock:
            self.surely.pop(name, None)
            self.unsynced.pop(name, None)

    def work(self) -> None:
        """Count what is asked; fail if it is this one's turn."""
        self.done += 1
        if self.done == self.fails_at:
            raise apsw.IOError("input/output error")

    def changed(self, name: str, change: Change) -> None:
        with self.lock:
            self.unsynced.setdefault(name, []).append(change)

    def write_what_is_left(self, folder: Path, seed: int) -> None:
        """Write the files as they may be found after a power cut: of what was not synced, some is there, some torn."""
        rng = random.Random(seed)
        with self.lock:
            for name, content in self.surely.items():
                left = bytearray(content)
                for change in self.unsynced.get(name, ()):
                    if rng.random() < 0.5:
                        change(left)
                (folder / Path(name).name).write_bytes(left)


class File(apsw.VFSFile):
    """A file on a `Disk`."""

    def __init__(self, disk: Disk, name: object, flags: list[int]) -> None:
        self.disk = disk
        self.file = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.work()
        if self.disk.full or self.disk.broken:
            self.disk.refused += 1
            raise apsw.FullError("no space left") if self.disk.full else apsw.IOError("input/output error")
        super().xWrite(data, offset)
        for begin in range(0, len(data), _SECTOR):
            self.disk.changed(self.file, _write(bytes(data[begin : begin + _SECTOR]), offset + begin))

    def xTruncate(self, size: int) -> None:
        self.disk.work()
        super().xTruncate(size)
        self.disk.changed(self.file, lambda content: content.__delitem__(slice(size, None)))

    def xSync(self, flags: int) -> None:
        self.disk.turns.wait(30)
        self.disk.work()
        with self.disk.lock:
            changes = self.disk.unsynced.pop(self.file, [])
            if self.disk.sync_fails:
                self.disk.refused += 1
                error = apsw.IOError("fsync failed")
                error.extendedresult = apsw.SQLITE_IOERR_FSYNC
                raise error
            content = self.disk.surely.setdefault(self.file, bytearray())
            for change in changes:
                change(content)
            self.disk.synced += 1


def _write(data: bytes, offset: int) -> Change:
    def change(content: bytearray) -> None:
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset : offset + len(data)] = data

    return change
