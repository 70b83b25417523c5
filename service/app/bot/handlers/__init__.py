"""Routers, one noun a file. A router's name is the first word of its handlers' span."""
