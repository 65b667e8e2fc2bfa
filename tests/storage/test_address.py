"""Addresses of PostgreSQL are shown without what may be a password."""

import pytest

from fleetwire.storage import is_postgres, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:secret@h:5/d?a=1", "postgresql://u:***@h:5/d?a=1"),
        ("postgresql://u:se@cr/et@h/d", "postgresql://u:***@h/d"),
        ("postgres://u:s:e@h/d", "postgres://u:***@h/d"),
        ("postgresql:///d?host=/tmp&password=secret&x=1", "postgresql:///d?host=/tmp&password=***&x=1"),
        ("postgresql:///d?sslpassword=secret", "postgresql:///d?sslpassword=***"),
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d"),
    ],
)
def test_the_password_is_left_out(address: str, shown: str) -> None:
    assert is_postgres(address)
    assert without_password(address) == shown


def test_a_file_is_shown_as_it_is() -> None:
    assert not is_postgres("C:\\a:b@c.db")
    assert without_password("C:\\a:b@c.db") == "C:\\a:b@c.db"
