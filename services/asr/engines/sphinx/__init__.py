"""CMU PocketSphinx: the ``sphinx`` engine."""
