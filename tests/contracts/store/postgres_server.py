"""A PostgreSQL server of our own, in a folder of its own, on a socket there; it refuses to run as root."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/pgsql/bin")]


def program(name: str) -> str | None:
    """Find a program of PostgreSQL's; Debian keeps them out of the way."""
    return shutil.which(name, path=os.pathsep.join(map(str, [*_PLACES, os.environ.get("PATH", "")])))


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server, give the address of a database, and stop it."""
    initdb, server = program("initdb"), program("postgres")
    if initdb is None or server is None or os.name == "nt":
        pytest.skip("there is no PostgreSQL server here")
    whose: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="fleetwire-pg-"))
    if os.geteuid() == 0:
        whose = {"user": "postgres", "group": "postgres", "extra_groups": []}
        try:
            shutil.chown(folder, "postgres", "postgres")
        except LookupError:
            folder.rmdir()
            pytest.skip("there is no user postgres, and the server does not run as root")
    try:
        data = folder / "data"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder}
        options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run([initdb, "-D", str(data), *options], check=True, **whose, **quiet)
        arguments = ["-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        process = subprocess.Popen([server, *arguments], **whose, **quiet)
        try:
            address = f"postgresql:///postgres?host={folder}&user=postgres"
            _wait_until_it_answers(address)
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # waits for its children, which write into the folder
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(address: str) -> None:
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")
