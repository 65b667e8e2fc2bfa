"""The plain page."""

from fleetwire.server.api.page import page


def test_its_links_lead_below_the_base_path() -> None:
    assert b'href="/fleetwire/healthz"' in page("/fleetwire")
    assert b'href="/healthz"' in page("")


def test_it_says_how_to_build_what_belongs_in_its_place() -> None:
    assert b"make web" in page("")
    assert b"Node 20" in page("")
