"""The control API: faults, ledger, user actions, traffic."""
