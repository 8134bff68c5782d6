"""One study: from what is asked to the answer."""
