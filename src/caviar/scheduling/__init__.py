"""Which trial trains on, and which one stops."""
