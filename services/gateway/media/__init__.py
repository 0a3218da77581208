"""Uploaded and produced media: receive, check, decode, sign."""
