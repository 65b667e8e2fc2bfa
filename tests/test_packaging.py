"""What is packed: the dashboard travels in what is installed, and its absence, or Node's, stops nobody."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
PAGE = "fleetwire/dashboard/index.html"
PACKED = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "fleetwire/__init__.py", "fleetwire/version.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """As much of the repository as a build looks at, with a dashboard's sources in it, and none that is built."""
    root = tmp_path / "copy"
    for name in (*PACKED, ".gitignore", "web/package.json", "web/dashboard/index.html"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOUSE / name, root / name)
    return root


def built(root: Path, target: str, *, path: str = "") -> tuple[Path, str]:
    """Build a wheel or an sdist, with a PATH of one's own: none has Node."""
    out = root.parent / f"out-{root.name}"
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    made = next(out.glob("*.whl" if target == "wheel" else "*.tar.gz"))
    return made, done.stdout + done.stderr


def test_without_node_everything_else_is_packed_and_a_word_said(copy: Path) -> None:
    wheel, said = built(copy, "wheel")
    assert "the dashboard was not built" in said
    assert "Node 20.19 or later" in said
    names = zipfile.ZipFile(wheel).namelist()
    assert "fleetwire/version.py" in names
    assert not [name for name in names if "dashboard" in name]


def test_a_build_that_fails_stops_nobody(copy: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in (("node", "echo v22.0.0"), ("npm", "echo the registry is gone >&2; exit 1")):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    _, said = built(copy, "wheel", path=f"{tools}:/bin:/usr/bin")
    assert "npm ci failed: the registry is gone" in said


def test_an_old_node_is_named(copy: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("node", "npm"):
        (tools / name).write_text("#!/bin/sh\necho v18.19.1\n")
        (tools / name).chmod(0o755)
    _, said = built(copy, "wheel", path=f"{tools}:/bin")
    assert "this is v18.19.1" in said


def test_a_source_distribution_carries_what_was_built_and_needs_no_node(copy: Path, tmp_path: Path) -> None:
    page = copy / PAGE
    page.parent.mkdir()
    page.write_text("<!doctype html><title>built before</title>")
    archive, said = built(copy, "sdist")
    assert "not built" not in said
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel, said = built(unpacked, "wheel")
    assert "not built" not in said
    assert zipfile.ZipFile(wheel).read(PAGE).startswith(b"<!doctype html>")


@pytest.mark.skipif(shutil.which("git") is None or not (HOUSE / ".git").exists(), reason="needs a clone")
def test_what_is_built_is_not_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "fleetwire/dashboard"], cwd=HOUSE, capture_output=True, text=True)
    assert listed.stdout == ""
