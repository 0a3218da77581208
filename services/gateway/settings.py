"""Settings of the gateway, from ``GATEWAY_*`` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import DATA_DIR, ServiceSettings, WebAddress
from services.common.settings import secret as read_secret

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class GatewaySettings(ServiceSettings):
    """What the gateway needs to know; ``host`` is for both doors, ``port`` is the gRPC one."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

    auth: Literal["local", "accounts"] = "local"
    """``local``: one user, on this machine only. ``accounts``: people sign in, programs have keys, everybody sees their
    own things. At its first start the gateway then logs a link with which the first admin is made."""
    open_to_anyone: bool = False
    """Allows ``local`` on an address that others can reach: whoever reaches it is the one user, who sees, uses and
    deletes everything. Right only where something else keeps people out, such as a port published to loopback."""
    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback it needs accounts."""
    public_url: WebAddress = ""
    """Address under which people reach the page (``https://avatar.example.org``), for links and for OpenID Connect;
    empty: ``http://`` with host and port."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses or networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed, with commas
    between."""
    session_days: float = Field(default=14, gt=0, le=90)
    """A person who has not been there for so long signs in again, in days; after 90 days in any case."""
    oidc_issuer: WebAddress = ""
    """Address of an OpenID Connect provider (``https://id.example.org/realms/main``); empty: people sign in with a
    password only. ``/.well-known/openid-configuration`` below it must answer."""
    oidc_client_id: str = ""
    """The client that was made for Huasheng at the provider."""
    oidc_client_secret: SecretStr | None = None
    """Its secret; empty for a public client."""
    oidc_client_secret_file: Path | None = None
    """File that holds the secret instead; it is read at every sign-in, so that a changed secret counts at once."""
    oidc_name: str = Field(default="", max_length=60)
    """Name of the provider on the button; empty: the host name of the issuer."""
    oidc_scopes: str = "openid profile email"
    """What is asked of the provider, with spaces between; ``openid`` must be there. Some providers tell groups only for
    a scope of their own."""
    oidc_groups_claim: str = "groups"
    """Claim that names a person's groups."""
    oidc_admin_group: str = ""
    """People in this group are admins, all others are not; decided at every sign-in. Empty: roles are given here."""
    oidc_member_group: str = ""
    """Only people in this group may come in, admins too; empty: whoever the provider knows."""
    limit_requests_per_minute: int = Field(default=600, ge=0)
    """Requests of a person or key in a minute; 0 for no limit. This and the following limits count with accounts, and
    admins may set others for one person, and people for one of their keys."""
    limit_stored_mb: float = Field(default=0, ge=0)
    """Uploads and results of a person in MB (2^20 bytes); 0 for no limit."""
    limit_queued_jobs: int = Field(default=20, ge=0)
    """Jobs of a person that wait or run; 0 for no limit."""
    limit_minutes_per_day: float = Field(default=0, ge=0)
    """Minutes of video and speech that a person may make in a day (UTC); 0 for no limit."""
    limit_live_sessions: int = Field(default=2, ge=0)
    """Live conversations of a person at once; 0 for no limit."""
    allowed_hosts: str = ""
    """Host names under which the gateway may be asked, with commas between; ``*`` for any. Empty: this machine's own
    names, ``localhost`` and loopback, also where the gateway is open to the network: a web page elsewhere must not
    reach it under a name of its own."""
    http_port: int = Field(default=5001, ge=0, le=65535)
    """Port of the page and the REST API."""
    port: int = Field(default=50050, ge=0, le=65535)
    """gRPC port."""
    metrics_port: int = Field(default=9105, ge=0, le=65535)
    """Port of Prometheus ``/metrics``, which asks nobody; 0 for none. On the page's port the same figures are for
    admins and for this machine."""
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
    """Name of this replica. Replicas that share a database need different names; one that is started again under its
    name takes up at once what it had in hand."""
    secret: str = ""
    """Key that signs media links, at least 32 characters; empty to make one and keep it in the data folder."""
    producer: str = Field(default="huasheng", min_length=1, max_length=100)
    """Who makes what is made here, as the label of GB 45438-2025 names it (``ContentProducer``): the company's name or
    its number."""
    visible_mark: Literal["start", "throughout", "off"] = "start"
    """The words "AI-generated" in every video: at its start, also small afterwards, or not at all. Where the law asks
    for them (China, the European Union) they may only be off if somebody else adds them; it warns."""
    audible_mark: Literal["off", "start"] = "off"
    """The rhythm "·- ··" (AI in Morse code) at the start of speech that comes without a video."""
    sign_certificate: Path | None = None
    """PEM file of the certificates that sign what is made (C2PA), the signer's own first, up to the root. Empty: an own
    root and certificate are made in the data folder and renewed in time."""
    sign_key: Path | None = None
    """PEM file of the signer's key, without a password."""
    link_hours: int = Field(default=168, ge=1, le=8760)
    """How long a media link is good."""
    bucket_links: Literal["auto", "on", "off"] = "auto"
    """Whether large files of a bucket are answered with a redirect to a short-lived link of the bucket itself
    (``auto``: on AWS, and where ``GATEWAY_BUCKET_URL`` is set). Otherwise they pass through the gateway."""
    bucket_url: WebAddress = ""
    """Address of the bucket's server as browsers reach it; empty: that of ``HUASHENG_S3_ENDPOINT``."""
    bucket_link_s: int = Field(default=3600, ge=30, le=43_200)
    """Seconds for which such a link is good. A player that reads on after that loads the file anew."""

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
    moderation_words: Path | None = None
    """File of phrases that are never said, one a line, ``#`` before comments, Chinese and others."""
    moderation_url: WebAddress = ""
    """A service that judges what is to be said (``https://…/v1/moderations``, as OpenAI's does); each clause is sent
    there before it is spoken, and nothing is said while it gives no answer."""
    moderation_key: SecretStr | None = None
    """Its API key."""
    moderation_key_file: Path | None = None
    """File that holds the key instead; read for each request."""
    moderation_model: str = ""
    """Its model; empty for its default."""
    moderation_s: float = Field(default=5, gt=0, le=60)
    """Deadline of one answer, in seconds."""
    consent_clip: Literal["off", "optional", "required"] = "off"
    """Consent clips: the person in a file says a random number before the camera, and the number and the face are
    checked. ``required``: no avatar and no training without one, unless the face is made up."""
    consent_clip_keep: Literal["hash", "encrypted"] = "hash"
    """What is kept of a clip: its sha256 and the verdict; or the clip as well, encrypted, for its owner to download."""
    consent_key_file: Path | None = None
    """File with the secret that clips are encrypted with, at least 32 characters; without it the key that signs links.
    Another secret cannot read the clips of before."""
    consent_faces_s: float = Field(default=120, gt=0)
    """Deadline of one comparison of faces, in seconds."""
    max_dubbing_s: float = Field(default=300, gt=0)
    """Longest film that is dubbed, in seconds."""
    max_text_chars: int = Field(default=5000, ge=1)
    """Longest text to speak, in characters."""
    max_script_chars: int = Field(default=50_000, ge=1)
    """Most characters to speak in all scenes of a video together."""
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

    dialogue_concurrency: int = Field(default=0, ge=0)
    """Dialogues at work at once, over all gateways. 0: as many as the replicas of render and tts have slots for
    (``RENDER_SLOTS``, ``TTS_SLOTS``)."""
    render_concurrency: int = Field(default=0, ge=0)
    """Videos and avatars at work at once, over all gateways. 0: what dialogues leave of the slots of render."""
    training_concurrency: int = Field(default=0, ge=0)
    """Trainings at work at once; beside videos, since one may take hours. 0: one for each replica of render."""
    drain_s: float = Field(default=0, ge=0, le=600)
    """How long requests are still taken after SIGTERM, in seconds, while ``/readyz`` and the gRPC health say "not
    ready" and every answer ends its connection; then open requests have ``GATEWAY_GRACE_S``. As long as a proxy takes
    to notice; 0 for a gateway that nobody replaces under load. The container image has 5."""
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

    def check_door(self) -> None:
        """Raises ``SystemExit`` when strangers could come in."""
        if self.is_open and self.auth == "local" and not self.open_to_anyone:
            raise SystemExit(
                f"gateway: GATEWAY_HOST={self.host} can be reached by others, and there are no accounts. Set "
                "GATEWAY_AUTH=accounts so that people sign in; or GATEWAY_OPEN_TO_ANYONE=true if whoever reaches the "
                "gateway may see, use and delete everything."
            )

    def check_provider(self) -> None:
        """Raises ``SystemExit`` when the settings of OpenID Connect do not go together."""
        if wrong := self._wrong_provider():
            raise SystemExit(f"gateway: {wrong}")

    def _wrong_provider(self) -> str:
        given, file = self.oidc_client_secret, self.oidc_client_secret_file
        if not self.oidc_issuer:
            more = (self.oidc_client_id, given, file, self.oidc_name, self.oidc_admin_group, self.oidc_member_group)
            return "GATEWAY_OIDC_… is set, but GATEWAY_OIDC_ISSUER is not." if any(more) else ""
        parts = urlsplit(self.oidc_issuer)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            return "GATEWAY_OIDC_ISSUER must begin with https://; http:// is for a provider on this machine."
        if parts.query or parts.fragment or parts.username:
            return "GATEWAY_OIDC_ISSUER must have no user, no '?' and no '#'."
        if self.auth != "accounts":
            return "GATEWAY_OIDC_ISSUER needs GATEWAY_AUTH=accounts."
        if not self.oidc_client_id:
            return "GATEWAY_OIDC_ISSUER needs GATEWAY_OIDC_CLIENT_ID."
        if given and file:
            return "set GATEWAY_OIDC_CLIENT_SECRET or GATEWAY_OIDC_CLIENT_SECRET_FILE, not both."
        if file and not read_secret(None, file):
            return f"GATEWAY_OIDC_CLIENT_SECRET_FILE={file} is empty or cannot be read."
        if "openid" not in self.oidc_scopes.split():
            return "GATEWAY_OIDC_SCOPES must hold openid."
        if not self.oidc_groups_claim and (self.oidc_admin_group or self.oidc_member_group):
            return "GATEWAY_OIDC_ADMIN_GROUP and _MEMBER_GROUP need GATEWAY_OIDC_GROUPS_CLAIM."
        if self.is_open and not self.public_url:
            return "GATEWAY_OIDC_ISSUER needs GATEWAY_PUBLIC_URL: the provider sends people back to that address."
        return ""

    def provider_name(self) -> str | None:
        """Name of the OpenID provider, for the button; None without one."""
        return (self.oidc_name.strip() or urlsplit(self.oidc_issuer).hostname) if self.oidc_issuer else None

    def address(self) -> str:
        """Address of the page, without a slash at the end."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.http_port}"

    def hosts(self) -> frozenset[str]:
        """Allowed host names; empty when all are."""
        if self.allowed_hosts.strip() == "*":
            return frozenset()
        if self.allowed_hosts:
            return frozenset(h.strip().lower() for h in self.allowed_hosts.split(","))
        own = urlsplit(self.public_url).hostname
        return frozenset((*LOOPBACK, "[::1]", *([own] if own else [])))

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
