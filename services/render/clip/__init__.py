"""A person's clip: stored frames, face tracking, the idle loop."""
