"""The Bot API: session, send budget, webhook registration, polling. Must not know any feature of the bot."""
