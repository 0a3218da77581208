"""Training on one person; runs in a process of its own (``python -m services.render.train``), since it needs torch."""
