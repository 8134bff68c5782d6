"""Tables and pictures of views, for the terminal, as HTML, as CSV and as JSON."""
