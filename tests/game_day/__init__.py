"""The game day: what the robot is worth, measured fault by fault."""
