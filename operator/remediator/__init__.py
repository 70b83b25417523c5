"""A kopf operator that responds to alerts by restarting or scaling a workload."""
