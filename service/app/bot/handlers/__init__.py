"""Routers, one per file. The name of a router is part of the span name of its handlers."""
