"""Google's web speech recogniser: the ``google`` engine."""
