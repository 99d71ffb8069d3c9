"""Renderings of the one result record. Nothing here decides; it only shows."""
