"""Marks on what is made: labels, signatures, fingerprints, and the check of a file against them (docs/marks.md)."""
