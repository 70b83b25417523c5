"""The bot: routers, middlewares, dialogues and texts. Calls a backend only through `app.backends`."""
