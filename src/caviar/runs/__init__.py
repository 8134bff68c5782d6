"""The panda: one network, nursed while it trains."""
