"""Settings of the faq engine."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.settings import CACHE_DIR


class Settings(BaseSettings):
    """Read from the environment (prefix ``LLM_``)."""

    model_config = SettingsConfigDict(env_prefix="LLM_", extra="ignore")

    faq_file: str = ""
    """Knowledge file of the faq engine; the one about the product itself when empty."""
    cache_dir: Path = CACHE_DIR / "faq"
    """Where the faq engine keeps the embeddings of its knowledge file, so that only the first start computes them."""
    faq_vectors: Path | None = None
    """Folder of embeddings that were made before and are only read, as the container image has one
    (``python -m services.llm.engines.faq.vectors FOLDER`` makes it); the other folder is for those of other files."""
