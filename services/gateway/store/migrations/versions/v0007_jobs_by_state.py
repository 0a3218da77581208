"""An index by state: those who count what waits no longer read through the millions of jobs that are over."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Replace the index of queues by one that also has the order in them."""
    op.drop_index("jobs_queue_state", table_name="jobs")
    op.create_index("jobs_state", "jobs", ["state", "queue", "priority", "created_at", "id"])
