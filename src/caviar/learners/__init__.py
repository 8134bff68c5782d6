"""Kinds of networks and their training: the contract, the dense ones, the saved model."""
