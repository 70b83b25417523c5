"""What stands in for the outside world: Telegram, the four backends and their users."""
