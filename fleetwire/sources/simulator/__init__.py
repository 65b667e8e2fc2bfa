"""A seeded fleet, for the demo and for tests: it trades, and speaks only through the contract of every source."""

from fleetwire.sources.simulator.source import Pace, Simulator

__all__ = ["Pace", "Simulator"]
