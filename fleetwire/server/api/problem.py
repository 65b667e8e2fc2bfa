"""What the API refuses, and how it says so: RFC 9457 (application/problem+json)."""

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fleetwire:problem:"


class ProblemKind(Enum):
    """What can be wrong with a request. The value is (status, title)."""

    bad_request = (400, "the request can't be read")
    token_in_url = (400, "a token does not belong into a URL")
    unknown_parameter = (400, "there is no such query parameter")
    wrong_parameter = (400, "a parameter has a wrong value, or is missing")
    unexpected_body = (400, "this request takes no body")
    malformed_json = (400, "the body is not JSON of the form that is meant")
    not_authenticated = (401, "authenticate first")
    token_invalid = (401, "the token is not known here")
    forbidden = (403, "the role of the token does not allow this")
    not_served_here = (403, "the Host or the Origin is not allowed")
    not_found = (404, "what the request names does not exist")
    no_fleet = (404, "this server keeps no fleet")
    method_not_allowed = (405, "another method is meant")
    conflict = (409, "it contradicts what is known already")
    too_large = (413, "the body is too long")
    unsupported_media_type = (415, "the body is of a kind that is not taken")
    invalid_data = (422, "the data is refused")
    rate_limited = (429, "too much at once")
    upgrade_elsewhere = (426, "a WebSocket begins on a connection of its own")
    too_many_failures = (429, "too many wrong tokens")
    internal_error = (500, "the server failed")
    store_unavailable = (503, "what has to be kept can't be kept, or can't be read")

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.value[0]

    @property
    def title(self) -> str:
        """What all problems of this kind share, in one line."""
        return self.value[1]


class ProblemDetails(Struct, frozen=True, kw_only=True):
    """The body of a refusal (RFC 9457). `code` is the name of its kind, for programs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str


class Problem(Exception):
    """A request is refused.

    Args:
        kind: from the one table.
        detail: what is wrong with this request, and what to do about it.
        headers: that its answer has besides.
    """

    def __init__(self, kind: ProblemKind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def details(self, instance: str) -> ProblemDetails:
        """Build the body.

        Args:
            instance: the path of the request, without its query.
        """
        return ProblemDetails(
            type=TYPE_PREFIX + self.kind.name,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=instance,
            code=self.kind.name,
        )
