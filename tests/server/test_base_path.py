"""Base paths: what is one."""

import pytest

from fleetwire.server.base_path import checked_base_path
from fleetwire.wire.errors import ConfigError


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/fleetwire", "/fleetwire"), ("/a/b-c/", "/a/b-c")])
def test_a_path_is_taken_without_the_slash_at_its_end(text: str, path: str) -> None:
    assert checked_base_path(text) == path


@pytest.mark.parametrize("text", ["fleetwire", "/a b", "/a?b", "/a/../b", "/.", "//a", "/a%20", "/a\r\nX: y", None, 5])
def test_what_a_browser_would_change_or_a_header_would_break_is_refused(text: object) -> None:
    with pytest.raises(ConfigError, match="base_path"):
        checked_base_path(text)
