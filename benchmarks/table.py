"""Figures as people read them: a Markdown table, and where, when and with what it was taken."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.native import cores
from fleetwire.version import __version__


def median(values: Sequence[float], form: str = ".2f") -> str:
    """Write a median; "-" where there is nothing."""
    return format(statistics.median(values), form) if values else "-"


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Write the least and the most."""
    return f"{min(values):{form}}-{max(values):{form}}" if values else "-"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _versions(packages: Sequence[str]) -> list[str]:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


def taken(packages: Sequence[str], files_max: int, load_before: float) -> str:
    """Say on which machine, when and with which versions figures were taken.

    Args:
        packages: whose versions matter.
        files_max: files that a process may open.
        load_before: the machine's load average before it began.
    """
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    server_core, load_core = cores()
    where = "the same core: not comparable" if server_core == load_core else "different cores"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {model}, {os.cpu_count()} cores, server and load on {where}; "
        f"load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after; at most {files_max:,} open files a "
        f"process; Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{', '.join([f'fleetwire {__version__}', *_versions(packages)])}"
    )
