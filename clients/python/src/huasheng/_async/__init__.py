"""The asynchronous client. ``_sync`` is generated from here by ``python -m tools.client_sync``; ``_io`` is not."""
