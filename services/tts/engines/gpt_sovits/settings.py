"""Settings of the gpt_sovits engine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.settings import DATA_DIR

Version = Literal["", "v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"]


class WeightsPair(BaseModel):
    """A pair of weights that an operator allows, as paths on the machine of the GPT-SoVITS process."""

    gpt: str = Field(min_length=1)
    sovits: str = Field(min_length=1)
    version: Version = ""


class Settings(BaseSettings):
    """Read from the environment (prefix ``TTS_GPT_SOVITS_``)."""

    model_config = SettingsConfigDict(env_prefix="TTS_GPT_SOVITS_", extra="ignore")

    urls: str = Field(default="http://127.0.0.1:9880", pattern=r"^https?://[^\s,/]+/?(\s*,\s*https?://[^\s,/]+/?)*$")
    """Addresses of the GPT-SoVITS processes (``api_v2.py``), separated by commas. Each speaks for one caller
    at a time."""
    checkout: Path | None = None
    """Folder of a GPT-SoVITS checkout. With it, processes at addresses of this machine are started when they do
    not answer."""
    python: str = "python"
    """Python program that starts them: the one of the checkout's own environment."""
    config: str = "GPT_SoVITS/configs/tts_infer.yaml"
    """Configuration file they are started with, within the checkout."""
    start_s: float = Field(default=300, gt=0, le=3600)
    """How long a process may take from its start until it answers."""
    restart_after: int = Field(default=500, ge=0)
    """Requests after which a process started here is renewed, since its memory grows; 0 for never."""
    memory_mb: int = Field(default=0, ge=0)
    """Memory at which a process started here is renewed between two requests; 0 for no limit."""
    voices_dir: Path = DATA_DIR / "gpt-sovits-voices"
    """Folder for the reference audio of voices. The GPT-SoVITS processes must see it under the same path."""
    reference: str = ""
    """Reference audio of the voice ``default`` (3 to 10 s), as a path on the machine of the GPT-SoVITS processes."""
    reference_text: str = ""
    """What is said in it; v3 and v4 cannot do without."""
    reference_language: str = "zh-CN"
    """Its language."""
    version: Version = ""
    """Version of the weights loaded at start; needed for the media type ``raw`` and to refuse what it cannot speak."""
    models: dict[str, WeightsPair] = Field(default_factory=dict)
    """Weights that requests and voices may choose by name, as JSON: ``{"anna": {"gpt": "…ckpt", "sovits": "…pth",
    "version": "v2Pro"}}``. Nothing outside this list is ever loaded: such files can run code."""
    streaming: int = Field(default=0, ge=0, le=3)
    """Streaming mode: 0 whole stretches, 1 by text segment, 2 by token with cuts at rests, 3 by token in equal
    chunks."""
    media_type: Literal["wav", "raw", "ogg", "aac"] = "wav"
    """How sound travels from the processes; only ``wav`` and ``raw`` lose nothing."""
    split: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"] = "cut0"
    """How a stretch of text is split again: not, four sentences, 50 characters, 。, full stop, or all punctuation."""
    top_k: int = Field(default=15, ge=1, le=100)
    """Sampling: the choice among this many tokens."""
    top_p: float = Field(default=1, gt=0, le=1)
    """Sampling: the choice among tokens of this total probability."""
    temperature: float = Field(default=1, gt=0, le=2)
    """Sampling: lower is steadier, higher livelier."""
    repetition_penalty: float = Field(default=1.35, ge=1, le=2)
    """Sampling: how much repeated tokens are avoided."""
    seed: int = Field(default=-1, ge=-1, le=2**31 - 1)
    """Seed of the sampling; -1 for a new one each time."""
    pause_s: float = Field(default=0.3, ge=0.01, le=0.45)
    """Rest after each segment."""
    batch_size: int = Field(default=1, ge=1, le=64)
    """Segments of one request spoken together; of use with a split method."""
    parallel: bool = True
    """Parallel inference (off for token streaming anyway)."""
    steps: int = Field(default=32, ge=4, le=128)
    """Sampling steps of v3 and v4."""
    super_sampling: bool = False
    """Super-sampling of v3 to 48 kHz."""
    chunk_tokens: int = Field(default=16, ge=4, le=200)
    """Shortest chunk of token streaming."""
    overlap_tokens: int = Field(default=2, ge=0, le=20)
    """Overlap of the chunks of token streaming."""
    rate: Literal[24000, 32000, 48000] = 32000
    """Rate of the speech that is given out, in Hz; v1, v2 and v2Pro make 32000, v3 24000, v4 48000."""
    first_s: float = Field(default=60, gt=0, le=600)
    """Deadline of the first sound of a stretch; without streaming, of all of it."""
    stall_s: float = Field(default=20, gt=0, le=600)
    """Longest pause within an answer."""
    deadline_s: float = Field(default=120, gt=0, le=1800)
    """Deadline of a stretch."""
    wait_s: float = Field(default=60, gt=0, le=600)
    """How long a stretch may wait for a process that is free and ready."""
    probe_s: float = Field(default=10, gt=0, le=600)
    """Time between two looks at whether an idle process still answers."""
    backoff_s: float = Field(default=1, gt=0, le=60)
    """Wait before a process that failed is tried or started again; doubled each time, 60 s at most."""

    def addresses(self) -> list[str]:
        """The addresses of ``urls``, without repetition."""
        return list(dict.fromkeys(u.strip().rstrip("/") for u in self.urls.split(",")))
