"""Who is connected, as people and monitoring see it."""

from msgspec import Struct

from fleetwire.hub.session import Session


class ClientInfo(Struct, frozen=True):
    """One connected client, for people and monitoring.

    Args:
        client_id: names it in logs and answers.
        address: where it comes from.
        state: of its session; "lagging" while it is told later than the others.
        authenticated: whether it has shown a token.
        role: of its token; None before it has shown one.
        channels: what it hears.
        connected_at: UTC.
        token_id: of its token, never the token.
        behind: how many messages of the server it has still to be told of.
        round_trip_ms: what its last ping took, in milliseconds; None before the first.
        told_messages: what it was told since it came; two readings make a rate.
        told_bytes: likewise, as they were written.
        heard_messages: what it has said since it came.
        heard_bytes: likewise.
        max_hz: how often at most it wants to be told, by channel, in messages a second.
    """

    client_id: str
    address: str
    state: str
    authenticated: bool
    role: str | None
    channels: list[str]
    connected_at: str
    token_id: str = ""
    behind: int = 0
    round_trip_ms: float | None = None
    told_messages: int = 0
    told_bytes: int = 0
    heard_messages: int = 0
    heard_bytes: int = 0
    max_hz: dict[str, float] = {}


def client_info(session: Session) -> ClientInfo:
    """Describe a session."""
    round_trip_s = session.heartbeat.round_trip_s
    return ClientInfo(
        client_id=session.client_id,
        address=session.address,
        state=session.state.value,
        authenticated=session.identity is not None,
        role=session.identity.role.value if session.identity else None,
        channels=sorted(str(topic) for topic in session.topics),
        connected_at=session.connected_at,
        token_id=session.by,
        behind=session.behind,
        round_trip_ms=round(round_trip_s * 1000, 3) if round_trip_s is not None else None,
        told_messages=session.told_messages,
        told_bytes=session.told_bytes,
        heard_messages=session.heard_messages,
        heard_bytes=session.heard_bytes,
        max_hz=dict(session.rates),
    )
