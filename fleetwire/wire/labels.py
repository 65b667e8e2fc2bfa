"""Labels: what a message is about, and so who may hear it among those who may not hear everything.

A label names an expert ("ea:1007"), an account ("account:Broker-Demo/5") or a group ("group:gold"). A message has those
of its subject; an identity holds those that its token names, and hears what shares one with it.
"""

from collections.abc import Iterable
from typing import Any

from fleetwire.wire.channels import Channel, field_of

Labels = frozenset[str] | None
"""Of a message: None is everybody's, an empty set only of those who hear everything. Of an identity: None is all."""


def expert_label(ea_id: int | str) -> str:
    """Name an expert."""
    return f"ea:{ea_id}"


def account_label(account: str) -> str:
    """Name an account, given as "Server/login"."""
    return f"account:{account}"


def group_label(group: str) -> str:
    """Name a group of experts."""
    return f"group:{group}"


def labels_of(channel: Channel, data: Any, key: int | str | None = None) -> Labels:
    """Tell from the data of a message whom it is about.

    Args:
        channel: that carries it.
        data: a mapping or an object.
        key: names the subject, where the data does not.

    Returns:
        None where the channel is everybody's. Of a channel about experts and accounts a message that names none of them
        is only for those who hear everything.
    """
    if not channel.scoped:
        return None
    labels = []
    ea_id = key if key is not None and channel.key_fields[0] == "ea_id" else field_of(data, "ea_id")
    if _names(ea_id):
        labels.append(expert_label(ea_id))
    account, server, login = field_of(data, "account"), field_of(data, "server"), field_of(data, "login")
    if isinstance(account, str) and account:
        labels.append(account_label(account))
    elif _names(server) and _names(login):
        labels.append(account_label(f"{server}/{login}"))
    group = field_of(data, "group")
    if isinstance(group, str) and group:
        labels.append(group_label(group))
    return frozenset(labels)


def may_see(scope: Labels, labels: Iterable[str]) -> bool:
    """Tell whether who holds `scope` may see what has these labels."""
    return scope is None or not scope.isdisjoint(labels)


def _names(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""
