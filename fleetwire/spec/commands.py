"""The table of commands as TypeScript: what a form needs to ask for each parameter, and how a command may stand."""

import inspect
import json
import re
from typing import Any, Final, cast

import msgspec
from msgspec.inspect import (
    BoolType,
    Field,
    FloatType,
    IntType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from fleetwire.fleet.commands.life import MEANINGS, Status
from fleetwire.fleet.commands.table import COMMANDS

_SAFE: Final = 2**53 - 1
"""The greatest whole number that JavaScript tells from its neighbours."""
_ALTERNATIVES: Final = re.compile(r"\^\(([a-z_|]+)\)\$")

_FORM = """\
// Written by `python -m fleetwire.spec` from fleetwire/fleet/commands: change it there.

/** What one parameter of a command takes. `any` is yes or no, a number or a text; `above` is not reached itself. */
export interface ParameterForm {
  readonly kind: "integer" | "number" | "boolean" | "text" | "choice" | "any";
  readonly required: boolean;
  readonly low?: number;
  readonly above?: number;
  readonly high?: number;
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  readonly choices?: readonly string[];
  readonly default?: boolean | number | string;
}
/** One command. `closes` tells that it only takes risk away: nothing ever blocks it. */
export interface CommandForm {
  readonly priority: "emergency" | "closing" | "normal";
  readonly closes: boolean;
  readonly meaning: string;
  /** What there is to know about its parameters; empty where it has none. */
  readonly about: string;
  readonly params: Readonly<Record<string, ParameterForm>>;
}
"""


def commands() -> str:
    """Write the forms, the commands, and the statuses that they may have."""
    lines = []
    for name, kind in COMMANDS.items():
        fields = cast(StructType, type_info(kind.params)).fields
        about = inspect.cleandoc(kind.params.__doc__ or "") if fields else ""
        said = {"priority": kind.priority.name, "closes": kind.closes, "meaning": kind.meaning, "about": about}
        lines += [
            f"  {name}: {{",
            *(f"    {key}: {json.dumps(value)}," for key, value in said.items()),
            "    params: {",
        ]
        lines += [*(f"      {field.name}: {_object(form_of(field))}," for field in fields), "    },", "  },"]
    statuses = [f"  {one}: {_object({'end': one.is_end, 'meaning': MEANINGS[one]})}," for one in Status]
    return "\n".join(
        [
            _FORM.rstrip(),
            "/** Every command, in the order of its urgency. */",
            "export const COMMANDS = {",
            *lines,
            "} as const satisfies Record<string, CommandForm>;",
            "/** How a command may stand, and whether that is the end. */",
            "export const COMMAND_STATUSES = {",
            *statuses,
            "} as const;",
            "",
        ]
    )


def form_of(field: Field) -> dict[str, Any]:
    """Tell what a parameter takes, as `ParameterForm` has it."""
    form = _kind(field.type) | {"required": field.required}
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        form["default"] = field.default
    return form


def _kind(kind: Type) -> dict[str, Any]:
    if isinstance(kind, UnionType):
        rest = [one for one in kind.types if not isinstance(one, NoneType)]
        return _kind(rest[0]) if len(rest) == 1 else {"kind": "any"}
    if isinstance(kind, LiteralType):
        return {"kind": "choice", "choices": list(kind.values)}
    if isinstance(kind, BoolType):
        return {"kind": "boolean"}
    if isinstance(kind, (IntType, FloatType)):
        bounds = {"low": kind.ge, "above": kind.gt, "high": kind.le}
        found = {name: value for name, value in bounds.items() if value is not None}
        if isinstance(kind, IntType):
            found["high"] = min(found.get("high", _SAFE), _SAFE)
        return {"kind": "integer" if isinstance(kind, IntType) else "number", **found}
    if not isinstance(kind, StrType):
        raise TypeError(f"no form for {kind}")
    alternatives = _ALTERNATIVES.fullmatch(kind.pattern or "")
    if alternatives is not None:
        return {"kind": "choice", "choices": alternatives[1].split("|")}
    bounds = {"lengthMin": kind.min_length, "lengthMax": kind.max_length}
    return {"kind": "text", **{name: value for name, value in bounds.items() if value is not None}}


def _object(fields: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items()) + " }"
