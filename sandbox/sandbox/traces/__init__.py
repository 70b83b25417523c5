"""The latest traces, for a machine without Jaeger."""
