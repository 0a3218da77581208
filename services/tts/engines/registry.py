"""The engines of the tts service, by name."""

REGISTRY = {
    "kokoro": "services.tts.engines.kokoro.engine:KokoroEngine",
    "gpt_sovits": "services.tts.engines.gpt_sovits.engine:GptSovitsEngine",
}
