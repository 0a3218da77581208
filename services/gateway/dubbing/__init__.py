"""Dubbing: what a person says in a film becomes a table in another language, and the table new lips and a new voice."""
