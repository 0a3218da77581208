"""The engines of the tts service, by name."""

REGISTRY = {"kokoro": "services.tts.engines.kokoro:KokoroEngine"}
