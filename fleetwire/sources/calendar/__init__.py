"""Economic calendars from elsewhere: weekly JSON feeds and iCalendar files, from a URL or from disk."""

from fleetwire.sources.calendar.feed import CalendarFeed

__all__ = ["CalendarFeed"]
