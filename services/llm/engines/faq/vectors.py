"""``python -m services.llm.engines.faq.vectors FOLDER``: embeddings of the knowledge file, for ``LLM_FAQ_VECTORS``.

They take 20 s of one core: too long for the start of a container that gets a tenth of one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from services.common.settings import SharedSettings
from services.llm.engines.faq.engine import FaqEngine
from services.llm.engines.faq.settings import Settings
from services.llm.settings import LlmSettings


def make(folder: Path) -> None:
    """Write the embeddings into ``folder``. Raises ``engine-unavailable``."""
    FaqEngine(Settings(cache_dir=folder), SharedSettings(), LlmSettings()).load()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
