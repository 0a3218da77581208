"""The embedded ``kokoro`` engine."""
