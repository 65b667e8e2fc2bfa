"""The command: what it needs, how it begins and ends on a real terminal, and that it leaves that as it was."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOKEN = "canary-71c0"
COMMAND = [sys.executable, "-m", "fleetwire"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
    clean |= {"XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "WEBSOCKET_AUTH_TOKEN": TOKEN}
    return clean | {"TERM": "xterm", "COLORTERM": ""}


@pytest.fixture
def url(tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    """A demo fleet in a process of its own."""
    server = subprocess.Popen(
        [*COMMAND, "demo", "--port", "0", "--experts", "3"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    first = server.stdout.readline()
    yield next(word for word in first.split() if word.startswith("ws://"))
    server.terminate()
    server.communicate(timeout=20)


class Terminal:
    """A terminal of 80 columns and 24 rows with `fleetwire top` on it."""

    def __init__(self, process: "subprocess.Popen[bytes]", ours: int) -> None:
        self.process = process
        self._ours = ours
        self.shown = b""

    def read_until(self, *words: str) -> None:
        """Read what is painted until all of it has been there."""
        until = time.monotonic() + 30
        while not all(word.encode() in self.shown for word in words):
            assert time.monotonic() < until, self.shown[-2000:]
            self.shown += os.read(self._ours, 65536)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ended(self) -> int:
        """Read to the end, and give the exit code."""
        while True:
            try:
                piece = os.read(self._ours, 65536)
            except OSError:  # Linux says so when nobody holds the other end any more
                break
            if not piece:
                break
            self.shown += piece
        return self.process.wait(30)


@contextmanager
def terminal(url: str, environment: dict[str, str], folder: Path) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, "top", "--url", url], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_it_shows_a_fleet_on_a_terminal_and_leaves_that_as_it_was(
    url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    for end, code in (("q", 0), ("\x03", 130)):
        with terminal(url, environment, tmp_path) as screen:
            screen.read_until("3 experts", "live", "equity")
            screen.type(end)
            assert screen.ended() == code
            assert screen.shown.rfind(b"\x1b[?1049l") > screen.shown.rfind(b"\x1b[?1049h"), "the screen before is back"
            assert screen.shown.rfind(b"\x1b[?25h") > screen.shown.rfind(b"\x1b[?25l"), "so is the cursor"
            assert b"\x1b[38;2;" not in screen.shown, "no colour beyond the sixteen"
            assert TOKEN.encode() not in screen.shown


def test_sigterm_gives_the_terminal_back_too(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    with terminal(url, environment, tmp_path) as screen:
        screen.read_until("live")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ended() == 0
        assert screen.shown.rfind(b"\x1b[?1049l") > screen.shown.rfind(b"\x1b[?1049h")


@pytest.mark.parametrize(
    ("token", "where", "said"),
    [
        (TOKEN, "ws://127.0.0.1:9", "refused the connection: is the server running there"),
        ("another", None, "token_invalid"),
    ],
)
def test_what_is_wrong_from_the_start_is_one_line(
    request: pytest.FixtureRequest,
    token: str,
    where: str | None,
    said: str,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    url = where or request.getfixturevalue("url")
    with terminal(url, environment | {"WEBSOCKET_AUTH_TOKEN": token}, tmp_path) as screen:
        assert screen.ended() == 1
        assert screen.shown.count(b"\n") == 1
        assert screen.shown.startswith(b"error: ")
        assert said.encode() in screen.shown


_WITHOUT = """
import sys
sys.modules["textual"] = None
from fleetwire.cli import main
sys.exit(main(["top"]))
"""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([*COMMAND, "top"], "error: top needs a terminal: fleetwire tail prints lines for pipes and files\n"),
        ([sys.executable, "-c", _WITHOUT], 'error: top needs an extra: pip install "fleetwire[tui]"\n'),
    ],
)
def test_without_a_terminal_or_the_extra_it_says_what_to_do(
    command: list[str], said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
