"""The door: one command a file, no logic. Heavy imports stand inside the commands, so that --help is quick."""
