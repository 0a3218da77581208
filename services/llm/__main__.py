"""``python -m services.llm``: serve until stopped."""

from services.common.engines import require_known
from services.common.serving import run
from services.common.settings import SharedSettings, load
from services.llm.engines.registry import REGISTRY
from services.llm.server import make_service
from services.llm.settings import LlmSettings

if __name__ == "__main__":
    settings, shared = load(LlmSettings), load(SharedSettings)
    require_known(REGISTRY, settings.engine_names(), "LLM_ENGINES")
    run(make_service(settings, shared), settings, shared)
