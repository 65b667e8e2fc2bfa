"""fleetwire: the real-time heart of a command centre for fleets of MetaTrader 5 experts."""

__version__ = "0.1.0"
