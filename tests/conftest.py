"""What tests share: the folder of genuine reports beside the repository."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def genuine_reports():
    """The folder with reports that a terminal has written, and the figures that it printed."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FLEETWIRE_SHARED", beside)) / "data" / "mt5"
    if not folder.is_dir():
        pytest.skip("the genuine reports are not beside the repository (nor named by FLEETWIRE_SHARED)")
    return folder
