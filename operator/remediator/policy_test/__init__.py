"""Unit tests of a policy: alert series, a workload, and the decisions that are expected at which times.

They are for policies what ``promtool test rules`` is for alerts, so that a policy is reviewed like code.
"""
