"""Faster ways around other packages' code that touch their internals. Each has a setting `COMPAT_…` that turns it off.

Only this package may use underscored names of other packages or override their special methods
(`tests/unit/app/compat/test_internals.py` searches the tree). For each module there is a test that compares it with the
plain library, and a checksum of the internals it relies on. What each one saves is in
docs/decisions/0007-what-each-performance-step-brought.md.
"""
