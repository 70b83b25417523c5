"""The Telegram bot gateway."""
