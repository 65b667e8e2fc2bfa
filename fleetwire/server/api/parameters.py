"""Parameters of a route: what each may be, and reading them from a path and a query string."""

import difflib
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.wire.moment import read_utc

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MS_MAX = 253_402_300_799_999  # the end of the year 9999
_PARAMETERS_MAX = 32
SECRET_NAMES = frozenset(
    {"token", "auth_token", "access_token", "expert_token", "api_key", "apikey", "authorization", "jwt", "id_token"}
)
"""Parameters that would hold a token: URLs are logged on their way, so these are refused, of handshakes, too."""


class Kind(Enum):
    """What a parameter is."""

    text = "text"
    whole = "whole"
    time = "time"  # ISO 8601, or milliseconds since 1970; read as the latter
    account = "account"  # "Server/login"


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter of a route.

    Args:
        name: as a request has it.
        kind: what its value is.
        description: one line.
        low: the least number, or the least length of a text.
        high: likewise, the most.
        choices: all values that a text may have; empty for any.
        default: what it is where a request does not name it.
        in_path: whether it stands in the path, and not in the query.
    """

    name: str
    kind: Kind
    description: str
    low: int = 1
    high: int = 256
    choices: tuple[str, ...] = ()
    default: Any = None
    in_path: bool = False

    def read(self, text: str) -> Any:
        """Read a value.

        Raises:
            Problem: it is none that is meant.
        """
        try:
            return _READERS[self.kind](self, text)
        except (ValueError, OverflowError) as error:
            raise Problem(ProblemKind.wrong_parameter, f"{self.name}: {error}") from None


def _text(parameter: Parameter, text: str) -> str:
    if parameter.choices and text not in parameter.choices:
        raise ValueError(f"one of {', '.join(parameter.choices)} is meant, not {text!r:.60}")
    if not parameter.low <= len(text) <= parameter.high:
        raise ValueError(f"{parameter.low} to {parameter.high} characters are meant, not {len(text)}")
    return text


def _whole(parameter: Parameter, text: str) -> int:
    if not _WHOLE.fullmatch(text) or not parameter.low <= int(text) <= parameter.high:
        raise ValueError(f"a whole number from {parameter.low} to {parameter.high} is meant, not {text!r:.60}")
    return int(text)


def _time(parameter: Parameter, text: str) -> int:  # noqa: ARG001  (the signature of all readers)
    if _WHOLE.fullmatch(text):
        utc_ms = int(text)
    else:
        try:
            utc_ms = read_utc(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
        except (ValueError, OverflowError):
            utc_ms = -1
    if not 0 <= utc_ms <= _MS_MAX:
        raise ValueError(
            "a time is meant, like 2026-11-22T17:31:00Z, or milliseconds since 1970 (UTC, after 1970), "
            f"not {text!r:.60}"
        )
    return utc_ms


def _account(parameter: Parameter, text: str) -> tuple[str, int]:  # noqa: ARG001  (the signature of all readers)
    server, _, login = text.rpartition("/")
    if not server or len(server) > 128 or not login.isascii() or not login.isdecimal() or not 0 < len(login) < 20:
        raise ValueError(f"an account is meant, as Server/login, like Broker-Demo/400000005, not {text!r:.60}")
    return server, int(login)


_READERS = {Kind.text: _text, Kind.whole: _whole, Kind.time: _time, Kind.account: _account}


def read_query(query: str) -> list[tuple[str, str]]:
    """Take a query string apart.

    Raises:
        Problem: it is broken, names a parameter twice, or holds what looks like a token.
    """
    if not query:
        return []
    if _BROKEN_ESCAPE.search(query):
        raise Problem(ProblemKind.bad_request, "the query holds a % that no two hex digits follow: write %25")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        text = f"the query is no UTF-8, or has more than {_PARAMETERS_MAX} parameters"
        raise Problem(ProblemKind.bad_request, text) from None
    names = [name for name, _ in pairs]
    if SECRET_NAMES.intersection(name.lower() for name in names):
        text = (
            "send the token in the header Authorization: Bearer ..., and replace this one: URLs are logged on their way"
        )
        raise Problem(ProblemKind.token_in_url, text)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(ProblemKind.wrong_parameter, f"{twice[:60]!r} is given twice: give it once")
    return pairs


def read_parameters(
    declared: Sequence[Parameter], in_path: Mapping[str, str], query: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Read all parameters of a request; those that it does not name have their default.

    Raises:
        Problem: one is unknown, or has a wrong value.
    """
    by_name = {parameter.name: parameter for parameter in declared}
    found = {parameter.name: parameter.default for parameter in declared}
    for name, text in in_path.items():
        found[name] = by_name[name].read(text)
    for name, text in query:
        parameter = by_name.get(name)
        if parameter is None or parameter.in_path:
            raise Problem(ProblemKind.unknown_parameter, _unknown(name, [p.name for p in declared if not p.in_path]))
        found[name] = parameter.read(text)
    return found


def _unknown(name: str, there_are: list[str]) -> str:
    near = difflib.get_close_matches(name[:60], there_are, 1)
    if near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = f"there are {', '.join(there_are)}" if there_are else "there are none here"
    return f"unknown parameter {name[:60]!r}: {hint}"
