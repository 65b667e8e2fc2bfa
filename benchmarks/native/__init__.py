"""The C programs: the limit, and the load. Built when they are needed, into a folder that is not kept."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CACHE = Path(__file__).parents[2] / "build" / "benchmarks"
"""Where everything goes that the benchmarks build or install."""

_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
_PATIENCE_S = 150.0

Figures = dict[str, float]
"""What the load measured, by the names that it prints (native/client.c)."""


class LoadError(Exception):
    """A load could not be driven to its end; says what the client said."""


def require_linux() -> None:
    """End with a word where the measurement can't be made: it reads /proc, and pins processes to cores."""
    if sys.platform != "linux" or shutil.which("taskset") is None:
        sys.exit("the benchmark needs Linux, taskset (util-linux) and gcc")


def build(name: str) -> Path:
    """Compile one of the programs, if it is not there or older than its source.

    Raises:
        LoadError: there is no compiler.
    """
    source, program = Path(__file__).with_name(f"{name}.c"), CACHE / name
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise LoadError("a C compiler is needed: install gcc")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, *_FLAGS, "-o", program, source], check=True)
    return program


def cores() -> tuple[int, int]:
    """Choose the core of the server and that of the load."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def load(port: int, pids: Sequence[int], *arguments: str) -> Figures:
    """Let the client loose on a server.

    Args:
        port: of the server on this machine.
        pids: of the server's processes.
        arguments: of the client; its head explains them.

    Raises:
        LoadError: it could not connect, nothing was delivered, or it took too long.
    """
    command = ["taskset", "-c", str(cores()[1]), str(build("client")), "-p", str(port)]
    command += ["-P", ",".join(map(str, pids)), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"no end after {_PATIENCE_S:g} s") from None
    if not done.stdout:
        raise LoadError(done.stderr.strip() or f"the client ended with {done.returncode}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return {name: float(value) for name, value in figures.items()}
