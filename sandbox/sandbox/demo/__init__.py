"""The laptop demo: Redis, sandbox and gateway as local processes, one conversation, its trace."""
