"""Longer actions in the audit log: a method and the template of a route."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Widen the column. PostgreSQL refused longer ones, so that their lines were lost."""
    with op.batch_alter_table("audit") as audit:
        audit.alter_column("action", existing_type=sa.String(40), type_=sa.String(120), existing_nullable=False)
