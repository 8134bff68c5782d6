"""Dense networks for tables: the config, the two engines, and what only they can do."""
