"""Settings, logging, tracing, metrics, Redis and health. Knows nothing of Telegram or the backends."""
