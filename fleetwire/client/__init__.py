"""Hears a server from Python: connects, resumes, says what was lost. And the reference expert, which takes commands."""

from fleetwire.client.client import WebSocketClient
from fleetwire.client.expert import ExpertClient
from fleetwire.client.message import Message
from fleetwire.client.orders import Outcome, ReceivedCommand

__all__ = ["ExpertClient", "Message", "Outcome", "ReceivedCommand", "WebSocketClient"]
