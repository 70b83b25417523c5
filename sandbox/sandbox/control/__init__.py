"""The control API: faults, ledger, acting as a user, traffic."""
