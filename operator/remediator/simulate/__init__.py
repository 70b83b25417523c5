"""Incidents with a known truth: one policy against failures, obstacles and sensors that lie, in virtual time."""
