"""A kopf operator that answers alerts by restarting or scaling a workload, safely."""
