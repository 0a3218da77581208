"""The parts of a running gateway, created once at start and passed to routes, jobs and the gRPC service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.common.storage import Storage
from services.gateway.accounts.clip_vault import ClipVault
from services.gateway.accounts.consent_challenges import ChallengeStore
from services.gateway.accounts.consents import ConsentStore
from services.gateway.accounts.shares import ShareStore
from services.gateway.accounts.stores import Accounts
from services.gateway.clients import Clients
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.live.endings import LiveEndings
from services.gateway.live.sessions import LiveSessions
from services.gateway.marks.marker import Marker
from services.gateway.marks.verifier import Verifier
from services.gateway.media.bucket_links import BucketLinks
from services.gateway.media.signing import Signer
from services.gateway.readiness import Readiness
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import AssetStore
from services.gateway.store.avatar_voices import AvatarVoiceStore
from services.gateway.store.batches import BatchStore
from services.gateway.store.conversations import ConversationStore
from services.gateway.store.db import Database
from services.gateway.store.dictionary import DictionaryStore
from services.gateway.store.drafts import DraftStore
from services.gateway.store.gallery import GalleryStore
from services.gateway.store.idempotency import IdempotencyStore
from services.gateway.store.jobs import JobStore

if TYPE_CHECKING:
    from services.gateway.accounts.oidc_sign_in import OpenIdSignIn


@dataclass(kw_only=True)
class Gateway:
    """The parts of a running gateway."""

    settings: GatewaySettings
    storage: Storage
    db: Database
    signer: Signer
    bucket_links: BucketLinks
    marker: Marker
    verifier: Verifier
    hub: Hub
    clients: Clients
    jobs: JobStore
    assets: AssetStore
    conversations: ConversationStore
    avatar_voices: AvatarVoiceStore
    dictionary: DictionaryStore
    drafts: DraftStore
    batches: BatchStore
    gallery: GalleryStore
    idempotency: IdempotencyStore
    runner: Runner
    readiness: Readiness
    live: LiveSessions
    endings: LiveEndings
    accounts: Accounts
    openid: OpenIdSignIn | None
    """Signing in with an OpenID provider; None without one."""
    shares: ShareStore
    consents: ConsentStore
    challenges: ChallengeStore
    clips: ClipVault
    weights_dir: Path
    """Where weights are kept, as far as the gateway needs any."""
