"""OpenAI-compatible servers: the ``openai`` engine."""
