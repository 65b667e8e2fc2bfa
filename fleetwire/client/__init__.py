"""Hears a server from Python: connects, resumes, and says what was lost."""

from fleetwire.client.client import WebSocketClient
from fleetwire.client.message import Message

__all__ = ["Message", "WebSocketClient"]
