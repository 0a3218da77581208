"""``python -m services.tts`` starts the service."""

from services.common import serving, settings
from services.common.engines import require_known
from services.common.storage import Storage
from services.tts.engines.base import EngineSetup
from services.tts.engines.registry import REGISTRY
from services.tts.server import service
from services.tts.settings import TtsSettings
from services.tts.voices import VoiceStore


def main() -> None:
    """Serve until stopped."""
    own = settings.load(TtsSettings)
    shared = settings.load(settings.SharedSettings)
    require_known(REGISTRY, own.engine_names(), "TTS_ENGINES")
    setup = EngineSetup(shared.weights_dir, shared.threads, own.voice_en, own.voice_zh, own)
    store = VoiceStore(Storage(shared.storage_url), own.gpt_sovits_voices_dir)
    serving.run(service(own, setup, store), own, shared.log_level, shared.log_format)


if __name__ == "__main__":
    main()
