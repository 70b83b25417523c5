"""Simulators of everything outside the gateway: the Telegram Bot API, the four backends and their users."""
