"""People who use the bot by reading what it says and pressing its buttons."""
