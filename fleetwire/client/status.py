"""What a connection is like at this moment, for whoever shows it to people."""

from typing import Literal, NamedTuple

State = Literal["closed", "restoring", "live", "lost", "refused"]


class Status(NamedTuple):
    """What the connection is like.

    Args:
        state: "live"; "restoring" while a new connection is brought to where the last one was; "lost" while the client
            looks for the server; "refused" where it does not come back by itself; "closed" before `connect`, and after
            `disconnect`.
        reason: why it is lost or refused, in one line; else empty.
        code: the server's close code, where it gave one.
        retry_in_s: seconds until the next try; None unless it is lost.
        silent_s: seconds since anything at all was heard of the server; None without a connection.
    """

    state: State
    reason: str = ""
    code: int | None = None
    retry_in_s: float | None = None
    silent_s: float | None = None
