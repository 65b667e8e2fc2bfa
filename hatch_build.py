"""Builds the dashboard for what is packed and installed, where Node is there; without Node all the rest is installed.

A source distribution carries the dashboard as it was built, so that an installation from it needs no Node.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE_MIN = (20, 19)
_BUILD_S = 300  # a registry that does not answer must not hold up an installation for good
_SOURCES = (
    "package-lock.json",
    "client/src",
    *(f"dashboard/{name}" for name in ("src", "public", "index.html", "vite.config.ts")),
)


class DashboardHook(BuildHookInterface):
    """Puts the dashboard into `fleetwire/dashboard`, from where the server reads it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatchling's signature)
        """Build it, unless it is there and not older than its sources."""
        root = Path(self.root)
        page, web = root / "fleetwire" / "dashboard" / "index.html", root / "web"
        if (root / "PKG-INFO").exists() or not (web / "dashboard").is_dir():
            if not page.exists():
                self.app.display_warning("fleetwire: no dashboard comes with this")
            return
        if page.exists() and page.stat().st_mtime >= _newest(web):
            return
        why = _built(web)
        if why is not None:
            self.app.display_warning(f"fleetwire: the dashboard was not built, everything else is there ({why})")


def _newest(web: Path) -> float:
    paths = [web / name for name in _SOURCES]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return max((file.stat().st_mtime for file in files), default=0.0)


def _built(web: Path) -> str | None:
    """Install what the build needs, and build; tell why that failed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "Node 20.19 or later is needed for it"
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        found = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
        if found < _NODE_MIN:
            return f"Node 20.19 or later is needed for it, this is {said.strip()}"
        calm = os.environ | {"npm_config_fetch_retries": "1", "npm_config_update_notifier": "false", "CI": "1"}
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build", "-w", "client", "-w", "dashboard"]):
            ran = subprocess.run(
                [npm, *command], cwd=web, env=calm, capture_output=True, text=True, timeout=_BUILD_S, check=False
            )
            if ran.returncode:
                return f"npm {command[0]} failed: {(ran.stderr or ran.stdout).strip()[-400:]}"
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return str(error)
    return None
