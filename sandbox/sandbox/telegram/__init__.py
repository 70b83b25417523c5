"""A Telegram Bot API server that follows Telegram's real rules, for one bot and people who do not exist."""
