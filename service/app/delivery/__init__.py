"""Exactly-once handling of updates: claim, dispatch, commit. Must not know any feature of the bot."""
