"""The flight-delay model: what it is, and how good it is."""
