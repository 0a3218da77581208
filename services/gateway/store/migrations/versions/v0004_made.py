"""What was made: hashes of its files and fingerprints of its content."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables by which a file is known again."""
    op.create_table(
        "made",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("is_sound_made", sa.Boolean(), nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("made_owner_created_at", "made", ["owner", "created_at"], unique=False)
    op.create_table(
        "made_files",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("made_id", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["made_id"], ["made.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_made_files_made_id", "made_files", ["made_id"], unique=False)
    op.create_index("ix_made_files_sha256", "made_files", ["sha256"], unique=False)
