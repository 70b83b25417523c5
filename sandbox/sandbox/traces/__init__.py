"""The latest traces, for a laptop without Jaeger."""
