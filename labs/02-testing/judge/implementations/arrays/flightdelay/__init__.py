"""Flight delays: features and service."""
