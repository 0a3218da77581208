"""A user's SyncTalk checkout, driven from outside: its programs are started, watched and ended, none is imported."""
