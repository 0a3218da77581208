"""Fine-tuning JoyGen's UNet on one person; runs in a process of its own (``python -m services.render.train``)."""
