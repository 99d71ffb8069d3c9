"""A deploy as a list of steps, each of which can refuse."""
