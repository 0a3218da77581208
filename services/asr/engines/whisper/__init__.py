"""The embedded ``whisper`` engine."""
