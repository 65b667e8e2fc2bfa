"""What an expert remembers of the commands that it was given: a small file, written before it acts and after."""

import os
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from fleetwire.wire.errors import ConfigError, StoreError

REMEMBERED_MAX: Final = 10_000
"""Commands that are remembered; an older one is told by when it was issued."""
_LINES_MAX: Final = 4 * REMEMBERED_MAX  # then the file is written anew
ACCEPTED: Final = "accepted"
"""The status of a command that is on disk and waits for its turn."""
BEGUN: Final = "begun"
"""The status of a command that was begun with, and of which no end is known."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """One command, and what became of it.

    Args:
        id: of the command.
        status: `accepted`, `begun`, or how it ended.
        issued: when it was issued, in milliseconds since 1970; signed, so that no relay can change it.
        results: what was done.
        command: what it is; only while it has not ended.
        params: how, likewise.
    """

    id: str
    status: str
    issued: int
    results: dict[str, Any] = {}
    command: str = ""
    params: dict[str, Any] = {}


class _Line(Struct, omit_defaults=True):
    """One line of the file: an entry, a note, or from which time of issue on everything is remembered."""

    entry: Entry | None = None
    note: tuple[str, Any] | None = None
    forgotten_until: int | None = None


_decode: Final = msgspec.json.Decoder(_Line).decode
_encode: Final = msgspec.json.Encoder().encode


class Journal:
    """Remembers commands by their ids, on disk.

    One expert has one journal, and one process has it open: two at once would not see what the other does. To close it
    waits for a thread that still writes; what would be written afterwards is refused.

    Args:
        path: the file; it is made if there is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._entries: dict[str, Entry] = {}
        self._notes: dict[str, Any] = {}
        self._forgotten_until = 0
        self._file: int | None = None
        self._lines = 0
        self._lock = threading.RLock()  # the number of a closed file may be another's in the next moment

    def open(self) -> None:
        """Read what is known, and write it anew without what is not needed any more.

        Raises:
            ConfigError: the file can't be read or written, or is damaged: an expert that does not know what it did must
                not act.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._read(self.path.read_bytes() if self.path.exists() else b"")
            self._write_anew()
        except OSError as error:
            raise ConfigError(
                f"{self.path}: the journal of commands can't be opened: {error.strerror or error}"
            ) from None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    # ------------------------------------------------------------------------------------------------- what is known

    def find(self, command_id: str) -> Entry | None:
        """Give what is known of a command."""
        return self._entries.get(command_id)

    def may_be_forgotten(self, issued: int) -> bool:
        """Whether a command of this time may have been carried out and forgotten since."""
        return issued <= self._forgotten_until

    def newest(self, count: int) -> list[Entry]:
        """Give the entries that were written last, the oldest of them first."""
        return list(self._entries.values())[-count:]

    def note(self, name: str) -> Any:
        """Give a note that was kept; None where there is none."""
        return self._notes.get(name)

    # ----------------------------------------------------------------------------------------------- what is written

    def write(self, entry: Entry) -> None:
        """Remember an entry; it is on disk when this returns. Blocks.

        Raises:
            StoreError: it is not on disk: the expert must not act on it.
        """
        with self._lock:
            self._append(_Line(entry=entry))
            self._take(entry)
            if self._lines >= _LINES_MAX:
                self._write_anew()

    def keep_note(self, name: str, value: Any) -> None:
        """Keep a note under a name, in place of the one before. Blocks.

        Raises:
            StoreError: it is not on disk.
        """
        with self._lock:
            self._append(_Line(note=(name, value)))
            self._notes[name] = value

    def _append(self, line: _Line) -> None:
        if self._file is None:
            raise StoreError(f"{self.path}: the journal of commands is not open")
        try:
            _write_all(self._file, _encode(line) + b"\n")
            os.fsync(self._file)
        except OSError as error:
            # What a failed write or fsync left behind is not known (half a line may stand there): only a new start,
            # which reads what is really on disk, can tell.
            self.close()
            raise StoreError(
                f"{self.path}: the journal of commands can't be written ({error.strerror or error}): "
                "start the expert anew"
            ) from None
        self._lines += 1

    def _take(self, entry: Entry) -> None:
        self._entries.pop(entry.id, None)  # what is written last stands last
        self._entries[entry.id] = entry
        if len(self._entries) > REMEMBERED_MAX:
            oldest = self._entries.pop(next(iter(self._entries)))
            self._forgotten_until = max(self._forgotten_until, oldest.issued)

    def _read(self, content: bytes) -> None:
        *whole, _unfinished = content.split(b"\n")  # what a crash cut off was not on disk: nobody acted on it
        for number, text in enumerate(whole, 1):
            try:
                line = _decode(text)
            except (msgspec.DecodeError, ValueError):
                raise ConfigError(
                    f"{self.path}:{number}: the journal of commands is damaged: look what the expert has done, then "
                    "move the file away"
                ) from None
            if line.entry is not None:
                self._take(line.entry)
            elif line.note is not None:
                self._notes[line.note[0]] = line.note[1]
            elif line.forgotten_until is not None:
                self._forgotten_until = max(self._forgotten_until, line.forgotten_until)

    def _write_anew(self) -> None:
        """Write everything into a new file, and put that in the place of the old one."""
        lines = [_Line(forgotten_until=self._forgotten_until)]
        lines += [_Line(note=note) for note in self._notes.items()]
        lines += [_Line(entry=entry) for entry in self._entries.values()]
        new = self.path.with_name(f"{self.path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(new, flags, 0o600)
        try:
            _write_all(file, b"".join(_encode(line) + b"\n" for line in lines))
            os.fsync(file)
            os.replace(new, self.path)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(file)
            raise
        self.close()
        self._file, self._lines = file, len(lines)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    """Let a rename reach the disk; Windows does so by itself, and opens no folders."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
