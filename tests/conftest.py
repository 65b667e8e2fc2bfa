"""What all tests share: how hypothesis searches, and the folder of genuine reports beside the repository."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no defect. Nothing is kept between runs: a found case becomes an `@example`.
settings.register_profile("fleetwire", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fleetwire")


@pytest.fixture(scope="session")
def genuine_reports():
    """The folder with reports that a terminal has written, and the figures that it printed."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FLEETWIRE_SHARED", beside)) / "data" / "mt5"
    if not folder.is_dir():
        pytest.skip("the genuine reports are not beside the repository (nor named by FLEETWIRE_SHARED)")
    return folder
