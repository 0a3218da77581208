"""The render service: speech and an avatar in, talking-face video out."""
