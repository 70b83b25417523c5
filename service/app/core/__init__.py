"""Settings, logging, tracing, metrics, Redis and health. Must not import Telegram or backend code."""
