"""The rules file, and the settings of everything about alerts."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from fleetwire.fleet.rules import RuleBook, default_rules, read_rules
from fleetwire.notify import NotifySettings
from fleetwire.watchdog import WatchdogSettings
from fleetwire.wire.errors import ConfigError


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What raises alerts, and who is told beyond the socket."""

    rules: Annotated[str | None, Meta(description="a TOML file of rules and limits: docs/alerts.md")] = None
    notify: Annotated[NotifySettings, Meta(description="delivery beyond the socket")] = NotifySettings()
    watchdog: Annotated[WatchdogSettings, Meta(description="a URL that is called while all is well")] = (
        WatchdogSettings()
    )


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
