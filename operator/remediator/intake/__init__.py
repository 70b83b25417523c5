"""How alerts come in: pushed by Alertmanager's webhook, and polled from its API."""
