"""``python -m services.tts`` starts the service."""

from services.common import serving, settings
from services.tts.engines.base import EngineSetup
from services.tts.server import service
from services.tts.settings import TtsSettings


def main() -> None:
    """Serve until stopped."""
    own = settings.load(TtsSettings)
    shared = settings.load(settings.SharedSettings)
    setup = EngineSetup(shared.weights_dir, shared.threads, own.voice_en, own.voice_zh)
    serving.run(service(own, setup), own, shared.log_level, shared.log_format)


if __name__ == "__main__":
    main()
