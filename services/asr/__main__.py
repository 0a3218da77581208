"""``python -m services.asr``: serve until stopped."""

from services.asr.engines.registry import REGISTRY
from services.asr.server import make_service
from services.asr.settings import AsrSettings
from services.common.engines import require_known
from services.common.serving import run
from services.common.settings import SharedSettings, load

if __name__ == "__main__":
    settings, shared = load(AsrSettings), load(SharedSettings)
    require_known(REGISTRY, settings.engine_names(), "ASR_ENGINES")
    run(make_service(settings, shared), settings, shared)
