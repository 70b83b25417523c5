"""Parts of scripts/alert_drill.py."""
