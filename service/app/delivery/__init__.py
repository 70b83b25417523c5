"""Exactly-once handling of updates: claim, lease, commit, and the dispatch in between. Knows no feature of the bot."""
