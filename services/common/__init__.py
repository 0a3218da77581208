"""What every service shares: serving, settings, logging, errors, audio, storage and weights."""
