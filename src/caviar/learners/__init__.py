"""How a kind of network learns."""
