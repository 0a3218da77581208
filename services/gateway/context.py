"""Everything the routes and jobs work with, put together once at start."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.storage import Storage
from services.gateway.clients import Clients
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.media.signing import Signer
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import Assets
from services.gateway.store.avatar_voices import AvatarVoices
from services.gateway.store.conversations import Conversations
from services.gateway.store.db import Database
from services.gateway.store.idempotency import Idempotency
from services.gateway.store.jobs import Jobs


@dataclass
class Gateway:
    """The parts of a running gateway."""

    settings: GatewaySettings
    storage: Storage
    db: Database
    signer: Signer
    hub: Hub
    clients: Clients
    jobs: Jobs
    assets: Assets
    conversations: Conversations
    avatar_voices: AvatarVoices
    idempotency: Idempotency
    runner: Runner
