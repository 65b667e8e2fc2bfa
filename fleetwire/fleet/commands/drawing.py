"""The tables of the code as the docs show them: written from the code, so that they can't say anything else."""

from collections.abc import Iterator

import msgspec

from fleetwire.fleet.commands.life import MEANINGS, TRANSITIONS, Status
from fleetwire.fleet.commands.table import COMMANDS, Params


def life_cycle() -> str:
    """Draw what may follow what, as a mermaid diagram."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    for status in Status:
        lines += [f"    {status} --> {following}" for following in Status if following in TRANSITIONS[status]]
    lines += [f"    {status} --> [*]" for status in Status if status.is_end]
    return "\n".join(lines)


def statuses() -> str:
    """Say what each status means, as a table of Markdown."""
    rows = [f"| `{status}` | {'yes' if status.is_end else ''} | {MEANINGS[status]} |" for status in Status]
    return "\n".join(["| status | end | what it means |", "|---|---|---|", *rows])


def commands() -> str:
    """Say what each command takes, as a table of Markdown."""
    rows = [
        f"| `{name}` | {kind.priority.name} | {', '.join(_parameters(kind.params)) or 'none'} | {kind.meaning} |"
        for name, kind in COMMANDS.items()
    ]
    return "\n".join(["| command | priority | parameters | what it does |", "|---|---|---|---|", *rows])


def _parameters(params: type[Params]) -> Iterator[str]:
    for field in msgspec.structs.fields(params):
        if field.required:
            yield f"`{field.name}`"
        else:
            yield f"`{field.name}` (optional)" if field.default is None else f"`{field.name}` ({_said(field.default)})"


def _said(default: object) -> str:
    return msgspec.json.encode(default).decode()
