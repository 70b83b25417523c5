"""The Bot API: session, send budget, webhook registration, polling. Knows no feature of the bot."""
