"""Settings of the engines that draw with networks, ``joygen`` and ``musetalk``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.settings import CACHE_DIR


class Settings(BaseSettings):
    """Where the checkpoints are, and how the device is used."""

    model_config = SettingsConfigDict(env_prefix="RENDER_", extra="ignore", protected_namespaces=())

    models_dir: Path = CACHE_DIR / "models"
    """Folder of checkpoints that you supply, one for each engine: ``joygen``, ``musetalk`` (see docs/joygen.md)."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda:\d+)$")
    """Where the networks of joygen and musetalk run; ``auto`` takes the first GPU, else the processor."""
    dtype: str = Field(default="auto", pattern="^(auto|fp32|fp16|bf16)$")
    """Their numbers; ``auto`` is fp16 on a GPU and fp32 on the processor."""
    max_batch: int = Field(default=8, ge=1, le=64)
    """Frames they draw in one go, shared by all sessions; halved by itself when the device's memory is short."""
    first_batch: int = Field(default=2, ge=1, le=64)
    """Frames of the batch that opens a video: smaller shows the first picture sooner."""
    batch_wait_ms: float = Field(default=10, ge=0, le=1000)
    """Longest that a frame waits for frames of other sessions to share a batch with."""
