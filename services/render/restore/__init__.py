"""The operator's face restorer: a network that goes over drawn faces, after any engine."""
