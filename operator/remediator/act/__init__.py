"""Execute an intent that is already written to the status; every action is idempotent."""
