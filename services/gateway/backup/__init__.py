"""Backup and restore of what people made and who they are: database, storage, and the gateway's own keys."""
