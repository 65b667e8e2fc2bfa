"""The description of the socket has every message, and real messages have the form that it says."""

import json
from typing import Any, get_args

import jsonschema
import pytest

from fleetwire.server.api.asyncapi import FROM_SERVER, asyncapi
from fleetwire.wire.messages import PUBLISHED, ClientMessage
from tests.test_docs import EXAMPLES, Block

DESCRIBED: dict[str, Any] = json.loads(json.dumps(asyncapi("/fw")))


def referred(value: Any) -> list[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value["$ref"]] if isinstance(value, dict) and "$ref" in value else []
    return own + [reference for one in inner for reference in referred(one)]


def test_every_reference_leads_somewhere() -> None:
    references = referred(DESCRIBED)
    assert len(references) > 50
    for reference in references:
        found = DESCRIBED
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_it_has_what_asyncapi_3_requires() -> None:
    assert DESCRIBED["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DESCRIBED["info"])
    assert DESCRIBED["channels"]["socket"]["address"] == "/fw"
    assert {operation["action"] for operation in DESCRIBED["operations"].values()} == {"send", "receive"}


def test_it_has_every_message() -> None:
    messages = set(DESCRIBED["components"]["messages"])
    assert {struct.__struct_config__.tag for struct in get_args(ClientMessage)} <= messages
    assert set(PUBLISHED) <= messages
    assert {"connection", "error", "gap", "snapshot_end"} <= messages


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_message_in_the_docs_has_the_form_that_it_says(block: Block) -> None:
    message = json.loads(block.text)
    described = DESCRIBED["components"]["messages"]
    of_server = message["type"] + FROM_SERVER
    name = of_server if "timestamp" in message and of_server in described else message["type"]
    payload = described[name]["payload"]
    jsonschema.Draft202012Validator({**payload, "components": DESCRIBED["components"]}).validate(message)
