"""A seeded fleet, for the demo and for tests: it trades, and speaks only through the contract of every source."""

from fleetwire.sources.simulator.experts import SUPPORTS, SimulatedExpert
from fleetwire.sources.simulator.fleet import EXPERTS_MAX
from fleetwire.sources.simulator.source import SPEED_MAX, Pace, Simulator

__all__ = ["EXPERTS_MAX", "SPEED_MAX", "SUPPORTS", "Pace", "SimulatedExpert", "Simulator"]
