"""MetaTrader 5 reports: `read_report` makes a `Report` of an .xlsx or .html file that a terminal has written."""

from fleetwire.sources.report.reader import Report, read_report

__all__ = ["Report", "read_report"]
