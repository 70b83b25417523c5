"""Clients of the four backends (Auth, Request, User, Shift). Does not depend on Telegram or on handlers."""
