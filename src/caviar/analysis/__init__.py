"""Studies of what was measured: importance, edges, learning-rate range, plan."""
