"""The plain page."""

from fleetwire.server.api.page import page


def test_its_links_lead_below_the_base_path() -> None:
    assert b'href="/fleetwire/healthz"' in page("/fleetwire")
    assert b'href="/healthz"' in page("")
