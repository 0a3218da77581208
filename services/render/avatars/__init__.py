"""Avatars: prepared people, kept in storage."""
