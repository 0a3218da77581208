"""The command ``huasheng``: what the client does, from a shell (``pip install 'huasheng-client[cli]'``)."""
