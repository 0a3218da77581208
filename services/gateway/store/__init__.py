"""Rows and files that outlive the process."""
