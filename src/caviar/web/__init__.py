"""The dashboard: a small server that shows a store in a browser, and lets a person act where that is allowed."""
