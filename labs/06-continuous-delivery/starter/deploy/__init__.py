"""The way from a candidate to production."""
