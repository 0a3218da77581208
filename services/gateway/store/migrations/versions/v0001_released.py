"""The tables of the release before accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
released = sa.MetaData()

sa.Table(
    "assets",
    released,
    sa.Column("id", sa.String(length=40), nullable=False),
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("kind", sa.String(length=8), nullable=False),
    sa.Column("name", sa.String(length=255), nullable=False),
    sa.Column("bytes", sa.BigInteger(), nullable=False),
    sa.Column("sha256", sa.String(length=64), nullable=False),
    sa.Column("content_type", sa.String(length=64), nullable=False),
    sa.Column("facts", sa.JSON(), nullable=False),
    sa.Column("created_at", sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
)
sa.Index("assets_owner_created_at", released.tables["assets"].c.owner, released.tables["assets"].c.created_at)
sa.Table(
    "avatar_voices",
    released,
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("avatar_id", sa.String(length=80), nullable=False),
    sa.Column("voice_id", sa.String(length=80), nullable=True),
    sa.Column("lost_voice", sa.String(length=80), nullable=True),
    sa.PrimaryKeyConstraint("owner", "avatar_id"),
)
sa.Table(
    "conversations",
    released,
    sa.Column("id", sa.String(length=40), nullable=False),
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("title", sa.String(length=120), nullable=False),
    sa.Column("created_at", sa.Float(), nullable=False),
    sa.Column("updated_at", sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
)
sa.Index(
    "conversations_owner_updated_at",
    released.tables["conversations"].c.owner,
    released.tables["conversations"].c.updated_at,
)
sa.Table(
    "idempotency",
    released,
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("key", sa.String(length=200), nullable=False),
    sa.Column("request_hash", sa.String(length=64), nullable=False),
    sa.Column("resource_id", sa.String(length=40), nullable=False),
    sa.Column("status", sa.Integer(), nullable=True),
    sa.Column("body", sa.JSON(), nullable=True),
    sa.Column("created_at", sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint("owner", "key"),
)
sa.Table(
    "jobs",
    released,
    sa.Column("id", sa.String(length=40), nullable=False),
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("kind", sa.String(length=16), nullable=False),
    sa.Column("queue", sa.String(length=16), nullable=False),
    sa.Column("state", sa.String(length=16), nullable=False),
    sa.Column("stage", sa.String(length=64), nullable=False),
    sa.Column("progress", sa.Float(), nullable=False),
    sa.Column("eta_s", sa.Float(), nullable=True),
    sa.Column("params", sa.JSON(), nullable=False),
    sa.Column("partial", sa.JSON(), nullable=False),
    sa.Column("result", sa.JSON(), nullable=True),
    sa.Column("error", sa.JSON(), nullable=True),
    sa.Column("cancel_requested", sa.Boolean(), nullable=False),
    sa.Column("asset_id", sa.String(length=40), nullable=True),
    sa.Column("executor", sa.String(length=64), nullable=False),
    sa.Column("created_at", sa.Float(), nullable=False),
    sa.Column("started_at", sa.Float(), nullable=True),
    sa.Column("finished_at", sa.Float(), nullable=True),
    sa.PrimaryKeyConstraint("id"),
)
sa.Index("ix_jobs_asset_id", released.tables["jobs"].c.asset_id)
sa.Index("jobs_owner_created_at", released.tables["jobs"].c.owner, released.tables["jobs"].c.created_at)
sa.Index(
    "jobs_queue_state",
    released.tables["jobs"].c.queue,
    released.tables["jobs"].c.state,
    released.tables["jobs"].c.created_at,
)
sa.Table(
    "pronunciations",
    released,
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("word", sa.String(length=40), nullable=False),
    sa.Column("written", sa.String(length=40), nullable=False),
    sa.Column("say", sa.String(length=120), nullable=False),
    sa.Column("language", sa.String(length=8), nullable=False),
    sa.PrimaryKeyConstraint("owner", "word"),
)
sa.Table(
    "interruptions",
    released,
    sa.Column("turn_id", sa.String(length=40), nullable=False),
    sa.Column("conversation_id", sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("turn_id"),
)
sa.Table(
    "messages",
    released,
    sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
    sa.Column("owner", sa.String(length=64), nullable=False),
    sa.Column("conversation_id", sa.String(length=40), nullable=False),
    sa.Column("turn_id", sa.String(length=40), nullable=False),
    sa.Column("role", sa.String(length=16), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("created_at", sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("turn_id", "role", name="messages_turn_role"),
)
sa.Index("messages_conversation", released.tables["messages"].c.conversation_id, released.tables["messages"].c.id)
sa.Table(
    "ratings",
    released,
    sa.Column("turn_id", sa.String(length=40), nullable=False),
    sa.Column("conversation_id", sa.String(length=40), nullable=False),
    sa.Column("rating", sa.String(length=8), nullable=False),
    sa.Column("rated_at", sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("turn_id"),
)


def upgrade() -> None:
    """Make those that are missing: databases of that release have them, some older ones not all."""
    released.create_all(op.get_bind())
