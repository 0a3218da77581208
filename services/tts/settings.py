"""Settings of the tts service."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import EngineSettings


class TtsSettings(EngineSettings):
    """Settings with the prefix ``TTS_``."""

    model_config = SettingsConfigDict(env_prefix="TTS_", extra="ignore")

    port: int = Field(default=50053, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9103, ge=0, le=65535)
    """Port of Prometheus ``/metrics``; 0 for none."""
    engines: str = Field(default="kokoro", pattern=r"^[a-z_]+(\s*,\s*[a-z_]+)*$")
    """Engines to load, separated by commas: the first speaks, unless a voice is another's; where one cannot, the next
    does, with its own default voice."""
    first_audio_s: float = Field(default=20, gt=0, le=600)
    """Deadline of the first sound while another engine could still take over (see the share below); the last engine
    has its own deadlines."""
    slots: int = Field(default=0, ge=0, le=256)
    """Streams of speech that this replica synthesises at once at full speed; gateways begin no more dialogues than
    that. 0: one for every two processors of the machine, or of the container's limit."""
    max_chars: int = Field(default=5000, ge=1, le=100_000)
    """Characters a clause may have."""
    cache_mb: int = Field(default=64, ge=0, le=16_384)
    """Memory for speech that was made before, in MB; 0 for none. 64 MB hold about 20 minutes."""
    clone_seconds: float = Field(default=10, ge=3.5, le=10)
    """Longest reference audio of a voice, after its silent ends are cut off; the shortest is 3 s."""
