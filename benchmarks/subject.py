"""A server under measurement, in a process of its own, and what the system says about it (Linux)."""

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_SETTLE_S = 0.05
_PATIENCE_S = 5.0


def candidate(name: str, core: int) -> list[str]:
    """Give the command of one of `benchmarks.candidates`."""
    return [sys.executable, "-m", "benchmarks.candidates", name, str(core)]


def raise_file_limit() -> int:
    """Let this process, and those that it starts, open as many files as the system allows; tell how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Subject:
    """A server in a process of its own. It prints its port first, and answers lines with lines, if it obeys any.

    Args:
        command: that starts it.
        port: where it is known beforehand: such a server is waited for, and prints nothing that matters.
    """

    def __init__(self, command: Sequence[str], port: int | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE if port is None else subprocess.DEVNULL
        )
        self.pid = self._process.pid
        self._proc = Path(f"/proc/{self.pid}")
        self.port = int(self._line()) if port is None else port

    def _line(self) -> bytes:
        stdout: IO[bytes] | None = self._process.stdout
        line = stdout.readline() if stdout else b""
        if not line:
            raise RuntimeError("the server ended")
        return line

    def deliver(self, how: str, count: int) -> None:
        """Tell it to publish `count` messages in one turn."""
        stdin: IO[bytes] | None = self._process.stdin
        if stdin is not None:
            stdin.write(f"deliver {how} {count}\n".encode())
            stdin.flush()

    def delivered(self) -> None:
        """Wait until it has done so."""
        self._line()

    def pids(self) -> list[int]:
        """Give the processes that it consists of: itself, and those that it started."""
        found = [self.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found

    def cpu_us(self) -> float:
        """CPU time of all its threads so far, once it rests."""
        time.sleep(_SETTLE_S)
        return sum(int(file.read_text().split()[0]) for file in self._proc.glob("task/*/schedstat")) / 1000

    def rss_kib(self) -> float:
        """Memory that it holds."""
        pages = int((self._proc / "statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1024

    def end(self) -> None:
        """End it: its input ends; a process that does not mind that is asked, and then killed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for stop in (None, self._process.terminate, self._process.kill):
            if stop is not None:
                stop()
            try:
                self._process.wait(timeout=_PATIENCE_S if stop else 1.0)
                break
            except subprocess.TimeoutExpired:
                continue
        if self._process.stdout is not None:
            self._process.stdout.close()
