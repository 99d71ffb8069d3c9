"""The flight-delay service as it was handed over: it works, and nobody can see how well."""
