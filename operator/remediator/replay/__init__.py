"""What a policy would have done: recorded observations through the same decisions, without a cluster."""
