"""The local demo: Redis, sandbox and gateway as processes, one conversation and its trace."""
