"""Carrying out an intent that is already written down, so that doing it twice is doing it once."""
