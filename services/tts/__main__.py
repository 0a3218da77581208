"""``python -m services.tts``: serve until stopped."""

from services.common.engines import require_known
from services.common.serving import run
from services.common.settings import SharedSettings, load
from services.tts.engines.registry import REGISTRY
from services.tts.server import make_service
from services.tts.settings import TtsSettings

if __name__ == "__main__":
    settings, shared = load(TtsSettings), load(SharedSettings)
    require_known(REGISTRY, settings.engine_names(), "TTS_ENGINES")
    run(make_service(settings, shared), settings, shared)
