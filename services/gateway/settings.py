"""Settings of the gateway, from ``GATEWAY_*`` environment variables."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import DATA_DIR, ServiceSettings

_CORES = os.cpu_count() or 1
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class GatewaySettings(ServiceSettings):
    """What the gateway needs to know; ``host`` is for both doors, ``port`` is the gRPC one."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback opens the gateway to the network, without accounts; it warns."""
    allowed_hosts: str = ""
    """Host names under which the gateway may be asked, with commas between; ``*`` for any. Empty: this machine's own
    names, ``localhost`` and loopback, also where the gateway is open to the network: a web page elsewhere must not
    reach it under a name of its own."""
    http_port: int = Field(default=5001, ge=0, le=65535)
    """Port of the page and the REST API."""
    port: int = Field(default=50050, ge=0, le=65535)
    """gRPC port."""
    asr_address: str = "127.0.0.1:50051"
    """Where the asr service is; ``dns:///name:port`` spreads calls over all replicas behind the name."""
    llm_address: str = "127.0.0.1:50052"
    """Where the llm service is."""
    tts_address: str = "127.0.0.1:50053"
    """Where the tts service is."""
    render_address: str = "127.0.0.1:50054"
    """Where the render service is."""

    data_dir: Path = DATA_DIR / "gateway"
    """The gateway's own folder: embedded database, work in progress, secret."""
    database_url: str = ""
    """SQLAlchemy URL (``postgresql+psycopg://…``); empty for SQLite in the data folder."""
    executor_id: str = "local"
    """Name of this replica. Replicas that share a database need different names, kept over a restart."""
    secret: str = ""
    """Key that signs media links, at least 32 characters; empty to make one and keep it in the data folder."""
    link_hours: int = Field(default=168, ge=1, le=8760)
    """How long a media link is good."""

    upload_mb: int = Field(default=500, ge=1, le=100_000)
    """Largest upload in MB (2^20 bytes)."""
    max_audio_s: float = Field(default=600, gt=0)
    """Longest audio in seconds."""
    max_video_s: float = Field(default=1800, gt=0)
    """Longest video in seconds."""
    max_side_px: int = Field(default=4096, ge=64)
    """Longest side of an uploaded picture or video in pixels."""
    probes: int = Field(default=2, ge=1)
    """Uploaded files that are looked at at once, each in a process of its own; more wait. One that needs over 64 MB is
    looked at alone."""
    probe_memory_mb: int = Field(default=280, ge=64)
    """Memory that looking at one file may take, in MB (2^20 bytes); a file that needs more is refused."""
    probe_s: float = Field(default=120, gt=0)
    """How long that may take, in seconds."""
    max_text_chars: int = Field(default=5000, ge=1)
    """Longest text to speak, in characters."""
    max_question_chars: int = Field(default=2000, ge=1)
    """Longest typed question, in characters."""
    max_history: int = Field(default=40, ge=0)
    """Messages of a conversation that the language model is shown."""

    live_sessions: int = Field(default=4, ge=0)
    """Live conversations at once; fewer where the render service is measured to be too slow for so many. More wait."""
    live_waiting: int = Field(default=20, ge=0)
    """Live conversations that may wait; more are refused with ``live-full``."""
    live_idle_s: float = Field(default=600, ge=10)
    """A live conversation ends after so long without a word, in seconds."""
    live_total_s: float = Field(default=14_400, ge=60)
    """Longest live conversation, in seconds."""
    live_resume_s: float = Field(default=30, ge=0)
    """How long a live conversation waits for a client that lost its connection, in seconds."""

    dialogue_concurrency: int = Field(default=max(1, _CORES // 2), ge=1)
    """Dialogues at work at once."""
    render_concurrency: int = Field(default=max(1, _CORES // 4), ge=1)
    """Videos and avatars at work at once."""
    training_concurrency: int = Field(default=1, ge=1)
    """Trainings at work at once; beside videos, since one may take hours. More than render services is no use."""
    max_connections: int = Field(default=500, ge=10)
    """HTTP connections at once; more get 503. A page holds one for its events, and one more for each video it plays."""
    max_queued_jobs: int = Field(default=100, ge=1)
    """Jobs that may wait; more are refused with ``queue-full``."""
    retry_s: float = Field(default=120, ge=0)
    """How long a job waits for a service that is down."""

    rpc_s: float = Field(default=10, gt=0)
    """Deadline of short calls (lists, deletes), in seconds."""
    asr_s: float = Field(default=300, gt=0)
    """Deadline of one recognition."""
    llm_s: float = Field(default=120, gt=0)
    """Deadline of one answer."""
    tts_s: float = Field(default=1800, gt=0)
    """Deadline of one synthesis, however long the text."""
    render_s: float = Field(default=7200, gt=0)
    """Deadline of one rendering or preparation."""
    train_s: float = Field(default=172_800, gt=0)
    """Deadline of one training."""

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("at least 32 characters")
        return value

    @property
    def is_open(self) -> bool:
        """Whether others than this machine can reach the gateway."""
        return self.host not in LOOPBACK

    def hosts(self) -> frozenset[str]:
        """Allowed host names; empty when all are."""
        if self.allowed_hosts.strip() == "*":
            return frozenset()
        if self.allowed_hosts:
            return frozenset(h.strip().lower() for h in self.allowed_hosts.split(","))
        return frozenset((*LOOPBACK, "[::1]"))

    def addresses(self) -> dict[str, str]:
        """Address of each engine service by short name."""
        return {s: getattr(self, f"{s}_address") for s in ("asr", "llm", "tts", "render")}

    def sql_url(self) -> str:
        """URL of the gateway's own tables."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.sqlite'}"

    def dbos_url(self) -> str:
        """URL of the durable-workflow tables; with SQLite a file beside ours: two writers would wait for each other."""
        if self.sql_url().startswith("sqlite:"):
            return self.sql_url().removesuffix(".sqlite") + ".dbos.sqlite"
        return self.sql_url()
