"""The generated token: made once, kept in the user's own folder, readable by nobody else."""

from pathlib import Path

from fleetwire.secretfile import read_secret, write_secret
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.signature import new_token


class TokenFile:
    """Where the generated token is kept.

    Args:
        directory: the user's own folder.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "token"

    def read(self) -> str | None:
        """Give the token, or None where none was made.

        Raises:
            ConfigError: the file can't be read, or is empty.
        """
        try:
            token = read_secret(self.path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path}: the token can't be read: {error}") from error
        if token == "":
            raise ConfigError(f"{self.path}: holds no token: remove it, and a new one is made")
        return token

    def make(self) -> str:
        """Make a new token, keep it in the place of any older one, and give it.

        Raises:
            ConfigError: the file can't be written.
        """
        token = new_token()
        try:
            write_secret(self.path, token)
        except OSError as error:
            raise ConfigError(f"{self.path}: the token can't be kept: {error.strerror}: give --auth-token") from error
        return token
