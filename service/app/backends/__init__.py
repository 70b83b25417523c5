"""Clients of the four backends (Auth, Request, User, Shift). Knows nothing of Telegram's updates or handlers."""
