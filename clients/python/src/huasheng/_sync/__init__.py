"""The synchronous client, generated from ``_async`` by ``python -m tools.client_sync``; ``_io`` is not."""
