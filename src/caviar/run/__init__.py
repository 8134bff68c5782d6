"""Where trials are trained: threads of this process."""
