"""Which config next, which trial stops. Pure: no files, no clock, no threads."""
