"""What can go wrong, in one tree; the error codes and the close codes, each in one table.

FleetwireError
|-- ConfigError            a setting is missing or wrong (the user's to mend)
|-- MessageError           what a peer sent is refused (answered with an `error` message)
|-- DataError              what a program publishes is refused (raised to the caller)
|-- ReportError            a MetaTrader report can't be read
|-- ListenError            the address can't be listened on
|-- StoreError             what has to be kept can't be kept, or can't be read
|-- NotFoundError          what a request names does not exist
|-- CommandError           a command, or a word about one, is refused
|   |-- ConflictError          it contradicts what is known already
|   `-- ConfirmationError      it has to be sent once more, with the confirmation
|-- ForbiddenError         who asks may not do this
`-- ClientError
    |-- AuthenticationError    the server refused the token
    |-- SubscriptionError      the server refused every channel asked for
    |-- RequestError           the server answered a request with an `error`
    |-- RequestTimeoutError    no answer in time
    `-- NotConnectedError      there is no connection (any more)
"""

from enum import Enum
from typing import NamedTuple


class FleetwireError(Exception):
    """The root of everything that fleetwire raises on purpose."""


class ConfigError(FleetwireError, ValueError):
    """A setting is missing or wrong; the text says which, and what to give instead."""


class DataError(FleetwireError, ValueError):
    """What a program asked to publish can't be published; nothing was published."""


class ReportError(FleetwireError):
    """A MetaTrader report can't be read; the text says what is wrong and where."""


class ListenError(FleetwireError, OSError):
    """The server can't listen on its address; the text says why and what to do."""


class StoreError(FleetwireError):
    """What has to be kept can't be kept, or can't be read; the text says why and what to do."""


class NotFoundError(FleetwireError, LookupError):
    """What a request names does not exist."""


class ForbiddenError(FleetwireError):
    """Who asks may not do this; the text says what its token is for."""


class ErrorCode(Enum):
    """Codes of `error` messages and of rejected channels. The value is (temporary, what the code means)."""

    malformed_json = (False, "the message is not JSON")
    invalid_message = (False, "the message is JSON, but not of the form that its type has")
    unknown_type = (False, "no message of this type exists")
    too_deep = (False, "the message is nested too deeply")
    not_authenticated = (False, "authenticate first")
    token_invalid = (False, "the token is not known here, is revoked, or has expired")
    token_expiring = (True, "the token expires soon: send another auth")
    unknown_channel = (False, "no channel of this name exists")
    too_many_channels = (False, "one session can't hear that many channels")
    invalid_data = (False, "the channel, or the fleet, does not take this data")
    no_reports_taken = (False, "this server keeps no fleet")
    not_kept = (True, "the report can't be kept now, and was not taken: report it again")
    forbidden = (False, "the role of the token does not allow this")
    not_found = (False, "what the message names does not exist")
    conflict = (False, "it contradicts what is known already: a state, a key used before, an older run")
    confirmation_needed = (False, "a command of this weight has to be sent twice: send it again with `confirm`")
    rate_limited = (True, "too much at once: try again later")
    store_unavailable = (True, "what has to be kept can't be kept now")
    internal_error = (True, "the server failed; the failure is in its log")

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """One line for the documentation."""
        return self.value[1]


class MessageError(FleetwireError):
    """What a peer sent is refused.

    Args:
        code: from the one table.
        message: what is wrong, and what to do about it.
        request_id: the `id` of the refused request, where it could be read.
        about: the type of what was refused, as far as that could be read, and was not understood.
    """

    def __init__(self, code: ErrorCode, message: str, request_id: int | str | None = None, about: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id
        self.about = about


class CommandError(FleetwireError):
    """A command, or a word about one, is refused: nothing changed.

    Args:
        code: from the one table.
        message: what is wrong, with whom, and what to do about it.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ConflictError(CommandError):
    """What is asked for contradicts what is known: a state that does not allow it, a key or an id used before."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.conflict, message)


class ConfirmationError(CommandError):
    """The command has to be sent once more, with the confirmation.

    Args:
        message: what it would do.
        confirm: what to send with it.
        valid_s: for how many seconds that is taken.
    """

    def __init__(self, message: str, confirm: str, valid_s: float) -> None:
        super().__init__(ErrorCode.confirmation_needed, message)
        self.confirm = confirm
        self.valid_s = valid_s


class Return(Enum):
    """When a closed client may come back (the range of the close code says it)."""

    never = "not as it is: something must be changed first"
    later = "later, with jitter"
    at_once = "at once"


class CloseRow(NamedTuple):
    """One row of the table of close codes."""

    code: int
    meaning: str
    comes_back: Return


class CloseCode(Enum):
    """Why the server closes a connection (RFC 6455 section 7.4, and the ranges 40xx, 41xx, 42xx of the protocol)."""

    normal = CloseRow(1000, "done", Return.later)
    protocol_error = CloseRow(1002, "the WebSocket protocol was broken", Return.later)
    unsupported_data = CloseRow(1003, "data of this kind is not spoken", Return.later)
    invalid_data = CloseRow(1007, "a text frame is not UTF-8", Return.later)
    policy_violation = CloseRow(1008, "a limit of the protocol was broken", Return.later)
    message_too_big = CloseRow(1009, "a message is too long", Return.later)
    internal_error = CloseRow(1011, "the server failed", Return.later)
    service_restart = CloseRow(1012, "the server stops; it may come back", Return.later)
    token_invalid = CloseRow(4001, "three tokens were refused, or the token was revoked", Return.never)
    auth_timeout = CloseRow(4002, "no authentication in time", Return.never)
    forbidden = CloseRow(4003, "not allowed", Return.never)
    too_many_errors = CloseRow(4005, "too many malformed messages", Return.never)
    rate_limited = CloseRow(4100, "too many requests", Return.later)
    too_slow = CloseRow(4101, "the reader is too slow", Return.later)
    full = CloseRow(4102, "the server is full", Return.later)
    draining = CloseRow(4103, "the server takes no new sessions", Return.later)
    heartbeat_lost = CloseRow(4200, "no sign of life", Return.at_once)
    token_expired = CloseRow(4201, "the token has expired: refresh it", Return.at_once)

    @property
    def code(self) -> int:
        """The number that goes over the wire."""
        return self.value.code

    @property
    def meaning(self) -> str:
        """One line for the documentation, and the reason where no better one is known."""
        return self.value.meaning


def comes_back(code: int) -> Return:
    """Tell from a close code when a client may come back: the ranges 40xx and 42xx say it, everything else is later."""
    return {40: Return.never, 42: Return.at_once}.get(code // 100, Return.later)


class ClientError(FleetwireError):
    """The root of what the client raises."""


class AuthenticationError(ClientError):
    """The server refused the token."""


class SubscriptionError(ClientError):
    """The server refused every channel of a request."""


class RequestError(ClientError):
    """The server answered a request with an `error`.

    Args:
        code: the server's error code.
        message: the server's sentence.
        temporary: whether the same request may succeed later.
    """

    def __init__(self, code: str, message: str, temporary: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.temporary = temporary


class RequestTimeoutError(ClientError, TimeoutError):
    """No answer came in time."""


class NotConnectedError(ClientError, ConnectionError):
    """There is no connection, or it was lost for good."""
