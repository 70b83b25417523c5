"""Modules of scripts/alert_drill.py."""
