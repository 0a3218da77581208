"""Media files of people: what they are, and how their sound and pictures are read; for all services."""
