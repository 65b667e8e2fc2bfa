"""Roles and rights: the one table of who may do what."""

from enum import Enum


class Right(Enum):
    """Something that an identity may be allowed to do; the value says it to people."""

    hear = "hear channels, and read what is kept"
    report = "report what experts, accounts and markets do"
    publish = "publish on channels"
    acknowledge = "acknowledge alerts"
    command = "give commands to experts"
    see_clients = "see who is connected"
    manage_tokens = "make, list, rotate and revoke tokens"
    read_audit = "read the audit"


class Role(Enum):
    """What an identity may do: `RIGHTS` has it. Who knows the one `auth_token` is an admin."""

    admin = "admin"
    operator = "operator"
    viewer = "viewer"
    publisher = "publisher"
    expert = "expert"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.admin: frozenset(Right),
    Role.operator: frozenset({Right.hear, Right.acknowledge, Right.command}),
    Role.viewer: frozenset({Right.hear}),
    Role.publisher: frozenset({Right.publish, Right.report}),
    Role.expert: frozenset({Right.report}),
}
"""The one table of what each role may do."""
