"""The windows: what the store and a running study hold, as tables and pictures. They know nothing of engines."""
