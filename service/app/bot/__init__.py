"""What the bot says and does: routers, middlewares, dialogues. Reaches a backend only through `app.backends`."""
