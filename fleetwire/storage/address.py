"""Where a fleet is kept, as text: a file, or the address of a PostgreSQL database, whose password is never shown."""

import re
from typing import Final

_SCHEMES: Final = ("postgresql://", "postgres://")
_PASSWORD: Final = re.compile(r"(://[^/?@:]*:).*@")  # up to the last @: one in the password may not have been escaped
_PARAMETER: Final = re.compile(r"([?&][^=&]*password=)[^&]*", re.IGNORECASE)


def is_postgres(database: str) -> bool:
    """Tell whether it is the address of a PostgreSQL database."""
    return database.startswith(_SCHEMES)


def without_password(database: str) -> str:
    """Give it as it may be shown: what may be a password is left out."""
    if not is_postgres(database):
        return database
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***@", database))
