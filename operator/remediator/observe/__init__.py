"""Reading the world for one decision: the target on the API server, its signals in Prometheus, the alerts."""
