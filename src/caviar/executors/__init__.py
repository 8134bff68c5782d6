"""Where tasks are trained."""
