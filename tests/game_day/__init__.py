"""The game day: what the operator achieves, measured fault by fault."""
