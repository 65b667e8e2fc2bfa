"""AsyncAPI 3, made of the messages and the channels of `wire`."""

from typing import Any, get_args

import msgspec

from fleetwire.version import __version__
from fleetwire.wire.channels import CHANNELS
from fleetwire.wire.messages import PUBLISHED, ClientMessage, ServerMessage

FROM_SERVER = "_from_server"
"""Ends the name of a message of the server whose type clients say as well."""
_REF = "#/components/schemas/{name}"


def asyncapi(base_path: str) -> dict[str, Any]:
    """Describe what is said over WebSocket, version 1.

    Args:
        base_path: under which it is reached, or "".
    """
    from_clients = _tagged(get_args(ClientMessage))
    told = _tagged(one for one in ServerMessage.__subclasses__() if one.__struct_config__.tag) | PUBLISHED
    from_server = {name + (FROM_SERVER if name in from_clients else ""): struct for name, struct in told.items()}
    every = from_clients | from_server
    _, schemas = msgspec.json.schema_components(every.values(), ref_template=_REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fleetwire",
            "version": __version__,
            "description": "What is said over WebSocket, in version 1: one JSON object in one frame.",
            "license": {"name": "MIT"},
        },
        "channels": {
            "socket": {
                "address": base_path or "/",
                "description": _channels(),
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in every},
            }
        },
        "operations": {
            "take": _operation("receive", "what the server takes from clients", from_clients),
            "tell": _operation("send", "what the server tells clients", from_server),
        },
        "components": {
            "messages": {name: _message(struct) for name, struct in every.items()},
            "schemas": schemas,
        },
    }


def _tagged(structs: Any) -> dict[str, Any]:
    return {str(struct.__struct_config__.tag): struct for struct in structs}


def _operation(action: str, summary: str, messages: dict[str, Any]) -> dict[str, Any]:
    listed = [{"$ref": f"#/channels/socket/messages/{name}"} for name in messages]
    return {"action": action, "summary": summary, "channel": {"$ref": "#/channels/socket"}, "messages": listed}


def _message(struct: Any) -> dict[str, Any]:
    summary = (struct.__doc__ or "").partition("\n")[0]
    return {
        "summary": summary,
        "contentType": "application/json",
        "payload": {"$ref": _REF.format(name=struct.__name__)},
    }


def _channels() -> str:
    """Say which channels can be subscribed to on the one socket."""
    lines = [f"- {one.name} ({one.kind.value}): {one.type}, by {', '.join(one.key_fields)}" for one in CHANNELS]
    return "\n".join(["One socket carries these channels, for those who subscribe:", *lines])
