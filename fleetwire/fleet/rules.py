"""Rules: read from TOML, checked whole, compiled once. A user's file changes the default ones, field by field."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from fleetwire.fleet.default_rules import DEFAULT_RULES
from fleetwire.fleet.expression import Expression, near
from fleetwire.fleet.figures import SUBJECTS, Kind, Subject
from fleetwire.fleet.lossrules import LossLimit, LossLimits
from fleetwire.fleet.template import Template
from fleetwire.wire.errors import ConfigError

T = TypeVar("T")

RULES_MAX: Final = 200
LIMITS_MAX: Final = 1000
FILE_CHARS_MAX: Final = 500_000
DEFAULTS: Final = "default"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

Level = Literal["info", "warning", "critical"]
LEVELS: Final = ("info", "warning", "critical")
"""From what is good to know to what needs a person now."""
Hold = Annotated[float, Meta(ge=0, le=604_800)]


class RuleForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `[[rule]]` as it is written. Times in seconds.

    Args:
        name: of the rule; that of a default rule changes it.
        subject: whom it looks at.
        when: raises the alert while it holds.
        clear: clears it, once `when` does not hold any more; without it that alone does.
        for_s: how long `when` must hold.
        clear_for_s: how long `clear` must hold.
        clear_after_s: clears it by itself so long after it was raised.
        level: `info`, `warning` or `critical`.
        message: what people are told.
        clear_message: what they are told when it is over.
        value: the figure that is shown beside; without it the first number of `when`.
        threshold: a number that `when`, `clear` and the messages may name.
        enabled: whether it is looked at.
        notify: whether it is delivered beyond the socket: to all targets, to none, or to those named.
        repeat_s: tells an alert again so often, until it is acknowledged or cleared.
    """

    name: str
    subject: str
    when: str | None = None
    clear: str | None = None
    for_s: Hold = 0.0
    clear_for_s: Hold = 0.0
    clear_after_s: Annotated[float, Meta(gt=0, le=31_536_000)] | None = None
    level: Level = "warning"
    message: str | None = None
    clear_message: str | None = None
    value: str | None = None
    threshold: Annotated[float, Meta(ge=-1e15, le=1e15)] | None = None
    enabled: bool = True
    notify: bool | Annotated[list[str], Meta(max_length=16)] = True
    repeat_s: Annotated[float, Meta(ge=1, le=604_800)] | None = None


_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(RuleForm)}
_LIMIT_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(LossLimit)}


class Rule:
    """A rule that is ready to look.

    Args:
        form: as it was written.
        origin: where: "default", a file, or both.

    Raises:
        ConfigError: one of its fields is wrong; begins with the field's name.
    """

    def __init__(self, form: RuleForm, origin: str) -> None:
        self.form = form
        self.origin = origin
        self.name, self.level, self.threshold = form.name, form.level, form.threshold
        self.for_s, self.clear_for_s, self.clear_after_s = form.for_s, form.clear_for_s, form.clear_after_s
        self.repeat_s, self.enabled, self.notify = form.repeat_s, form.enabled, form.notify
        self.subject = _subject(form)
        _check_whole(form)
        figures = self.subject.figures
        constants = {} if form.threshold is None else {"threshold": form.threshold}
        self.when = _of("when", form.when, lambda text: Expression(text, figures, constants))
        self.clear = _of("clear", form.clear, lambda text: Expression(text, figures, constants))
        self.message = _of("message", form.message, lambda text: Template(text, figures, constants))
        self.clear_message = _of("clear_message", form.clear_message, lambda text: Template(text, figures, constants))
        self.value = _value(form, self.when, figures)

    @property
    def triggers(self) -> tuple[str, ...]:
        """The figures that its conditions read."""
        return tuple(dict.fromkeys(name for part in (self.when, self.clear) if part for name in part.names))

    @property
    def names(self) -> tuple[str, ...]:
        """All the figures that it needs."""
        names = list(self.triggers)
        for template in (self.message, self.clear_message):
            names += template.names if template else ()
        if self.value is not None:
            names.append(self.value)
        return tuple(dict.fromkeys(names))

    def __repr__(self) -> str:
        """Show which one."""
        return f"<Rule {self.name}>"


class RuleBook:
    """All rules by name, and the loss limits.

    Args:
        rules: the rules.
        limits: the limits of all accounts.
    """

    def __init__(self, rules: Iterable[Rule] = (), limits: LossLimits | None = None) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.limits = limits or LossLimits()

    def targets(self) -> set[str]:
        """Name the targets that rules deliver to by name."""
        return {name for rule in self.rules.values() if isinstance(rule.notify, list) for name in rule.notify}


def default_rules() -> RuleBook:
    """Give the rules that everybody has from the start."""
    return read_rules("", "")


def read_rules(text: str, file: str) -> RuleBook:
    """Read a rules file over the default rules.

    Args:
        text: the file's text, TOML.
        file: its name, for errors.

    Raises:
        ConfigError: it is no TOML, or a rule or limit is wrong; names file, rule, field, and what is meant.
    """
    tables = {table["name"]: table for table in tomllib.loads(DEFAULT_RULES)["rule"]}
    origins = dict.fromkeys(tables, DEFAULTS)
    found = _read_toml(text, file)
    for name, table in _named(found.get("rule", []), file).items():
        tables[name] = {**tables.get(name, {}), **table}
        origins[name] = f"{DEFAULTS}, changed by {file}" if name in origins else file
    if len(tables) > RULES_MAX:
        raise ConfigError(f"{file}: there are more than {RULES_MAX} rules")
    rules = [_compiled(table, origins[name], f"{file or DEFAULTS}: rule {name}") for name, table in tables.items()]
    return RuleBook(rules, _limits(found.get("limit", []), file))


def _read_toml(text: str, file: str) -> dict[str, Any]:
    if len(text) > FILE_CHARS_MAX:
        raise ConfigError(f"{file}: has more than {FILE_CHARS_MAX:,} characters: these are no rules")
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: is no TOML: {error}") from None
    for name in found:
        if name not in ("rule", "limit"):
            hint = near(name, {"rule": 1, "limit": 1})
            raise ConfigError(f"{file}: {name}: only [[rule]] and [[limit]] stand in a rules file: {hint}")
        if not isinstance(found[name], list) or not all(isinstance(table, dict) for table in found[name]):
            raise ConfigError(f"{file}: {name}: write [[{name}]] with two brackets: there can be many")
    return found


def _named(tables: list[dict[str, Any]], file: str) -> dict[str, dict[str, Any]]:
    """Sort rules by name; each may stand once."""
    named: dict[str, dict[str, Any]] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                f'{file}: rule {number}: name: give it one of small letters, digits and _, like "my_drawdown"'
            )
        if name in named:
            raise ConfigError(f"{file}: rule {name}: stands twice: put both into one, or give one another name")
        named[name] = table
    return named


def _compiled(table: dict[str, Any], origin: str, where: str) -> Rule:
    if "subject" not in table:
        raise ConfigError(f"{where}: subject: is missing: there are {', '.join(SUBJECTS)}")
    values = {name: _converted(name, value, _FIELDS, where) for name, value in table.items()}
    try:
        return Rule(RuleForm(**values), origin)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _limits(tables: list[dict[str, Any]], file: str) -> LossLimits:
    if len(tables) > LIMITS_MAX:
        raise ConfigError(f"{file}: there are more than {LIMITS_MAX} limits")
    limits: dict[str, LossLimit] = {}
    for number, table in enumerate(tables, 1):
        where = f"{file}: limit {number}"
        if "account" not in table:
            raise ConfigError(f'{where}: account: is missing: give "Server/login", or "*" for all others')
        limit = LossLimit(**{name: _converted(name, value, _LIMIT_FIELDS, where) for name, value in table.items()})
        _check_limit(limit, f"{file}: limit {limit.account}")
        if limit.account in limits:
            raise ConfigError(f"{file}: limit {limit.account}: stands twice: put both into one")
        limits[limit.account] = limit
    return LossLimits(tuple(limits.values()))


def _check_limit(limit: LossLimit, where: str) -> None:
    if limit.account != "*" and not re.fullmatch(r".+/[1-9]\d*", limit.account):
        raise ConfigError(f'{where}: account: write it like "Broker-Demo/400000005", or "*" for all others')
    for name in ("max_daily_loss", "max_loss"):
        if getattr(limit, name) is not None and getattr(limit, f"{name}_pct") is not None:
            raise ConfigError(f"{where}: {name}: is given in money and in percent: give one of them")
    if {limit.max_daily_loss, limit.max_daily_loss_pct, limit.max_loss, limit.max_loss_pct} == {None}:
        raise ConfigError(f"{where}: limits nothing: give max_daily_loss, max_loss, or one of them with _pct")
    if limit.until_profit is not None and not limit.trailing:
        raise ConfigError(f"{where}: until_profit: only a trailing limit has it: set trailing = true")


def _converted(name: str, value: Any, fields: Mapping[str, Any], where: str) -> Any:
    if name not in fields:
        raise ConfigError(f"{where}: {name}: {near(name, fields)}")
    try:
        return msgspec.convert(value, fields[name].type)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("Expected", "expected").replace("Invalid", "invalid")
        choices = f": there are {', '.join(LEVELS)}" if name == "level" else ""
        raise ConfigError(f"{where}: {name} ({value!r:.60}): {reason}{choices}") from None


def _subject(form: RuleForm) -> Subject:
    if form.subject not in SUBJECTS:
        raise ConfigError(f"subject: {form.subject:.40}: {near(form.subject, SUBJECTS)}")
    return SUBJECTS[form.subject]


def _of(field: str, text: str | None, read: Callable[[str], T]) -> T | None:
    """Read one field, if it is there; an error begins with its name."""
    if text is None:
        return None
    try:
        return read(text)
    except ConfigError as error:
        raise ConfigError(f"{field}: {error}") from None


def _value(form: RuleForm, when: Expression | None, figures: Mapping[str, Kind]) -> str | None:
    if form.value is None:
        return next((name for name in when.names if figures[name] is Kind.number), None) if when else None
    if form.value not in figures:
        raise ConfigError(f"value: {form.value:.40}: {near(form.value, figures)}")
    if figures[form.value] is not Kind.number:
        raise ConfigError(f"value: {form.value} is {figures[form.value].value}: only a number can be shown beside")
    return form.value


def _check_whole(form: RuleForm) -> None:
    """Check what only several fields together tell."""
    if form.subject == "event":
        for name in ("when", "clear", "message", "clear_message", "value"):
            if getattr(form, name) is not None:
                raise ConfigError(f"{name}: an event is found by the server itself: it has no {name}")
        return
    for name, says in (("when", "what raises the alert"), ("message", "what people are told")):
        if getattr(form, name) is None:
            raise ConfigError(f"{name}: is missing: it says {says}")
