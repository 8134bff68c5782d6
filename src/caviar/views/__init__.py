"""Views: typed facts of a study or a run, computed from records, that every screen draws."""
