"""Everything the routes and jobs work with, put together once at start."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.storage import Storage
from services.gateway.assets import Assets
from services.gateway.avatar_voices import AvatarVoices
from services.gateway.clients import Clients
from services.gateway.conversations import Conversations
from services.gateway.db import Database
from services.gateway.events import Hub
from services.gateway.idempotency import Idempotency
from services.gateway.jobs import Jobs
from services.gateway.runner import Runner
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer


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
