"""The rules file, read from the disk."""

from pathlib import Path

from fleetwire.fleet.rules import RuleBook, default_rules, read_rules
from fleetwire.wire.errors import ConfigError


def rule_book(path: Path | str | None) -> RuleBook:
    """Read a rules file over the default rules; without one, these.

    Raises:
        ConfigError: it can't be read, or something in it is wrong; names file, rule, field and what is meant.
    """
    if path is None:
        return default_rules()
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no TOML: it is not UTF-8") from error
    return read_rules(text, str(path))
