"""Simulated people who read the bot's messages and press its buttons."""
