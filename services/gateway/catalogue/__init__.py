"""What the engine services offer: avatars, models, voices and trainings, looked up and checked."""
