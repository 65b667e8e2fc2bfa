"""Who is connected, as people and monitoring see it."""

from msgspec import Struct

from fleetwire.hub.session import Session


class ClientInfo(Struct, frozen=True):
    """One connected client, for people and monitoring. `state` is the session's; `connected_at` is UTC."""

    client_id: str
    address: str
    state: str
    authenticated: bool
    role: str | None
    channels: list[str]
    connected_at: str


def client_info(session: Session) -> ClientInfo:
    """Describe a session."""
    return ClientInfo(
        client_id=session.client_id,
        address=session.address,
        state=session.state.value,
        authenticated=session.identity is not None,
        role=session.identity.role.value if session.identity else None,
        channels=sorted(str(topic) for topic in session.topics),
        connected_at=session.connected_at,
    )
