"""The parts of a running gateway, created once at start and passed to routes, jobs and the gRPC service."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.storage import Storage
from services.gateway.clients import Clients
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.live.sessions import LiveSessions
from services.gateway.media.signing import Signer
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import AssetStore
from services.gateway.store.avatar_voices import AvatarVoiceStore
from services.gateway.store.conversations import ConversationStore
from services.gateway.store.db import Database
from services.gateway.store.dictionary import DictionaryStore
from services.gateway.store.idempotency import IdempotencyStore
from services.gateway.store.jobs import JobStore

LOCAL_OWNER = "local"
"""Owner of everything that users make: accounts are off."""


@dataclass(kw_only=True)
class Gateway:
    """The parts of a running gateway."""

    settings: GatewaySettings
    storage: Storage
    db: Database
    signer: Signer
    hub: Hub
    clients: Clients
    jobs: JobStore
    assets: AssetStore
    conversations: ConversationStore
    avatar_voices: AvatarVoiceStore
    dictionary: DictionaryStore
    idempotency: IdempotencyStore
    runner: Runner
    live: LiveSessions
