"""Names and tags of videos, and what they are found by."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
BATCH = 500


def upgrade() -> None:
    """Add the columns, fill them for the videos that are there, and add the table of tags."""
    op.add_column("jobs", sa.Column("name", sa.String(length=80), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("drawn", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "video_tags",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "tag"),
    )
    op.create_index("video_tags_owner_tag", "video_tags", ["owner", "tag"])
    _fill()


def _fill() -> None:
    jobs = sa.table("jobs", *(sa.column(n) for n in ("id", "kind", "params", "words", "drawn")))
    change = (
        sa.update(jobs).where(jobs.c.id == sa.bindparam("of")).values(words=sa.bindparam("w"), drawn=sa.bindparam("d"))
    )
    connection, after = op.get_bind(), ""
    text = sa.cast(jobs.c.params, sa.Text)
    while True:
        query = sa.select(jobs.c.id, text).where(jobs.c.kind == "video", jobs.c.id > after).order_by(jobs.c.id)
        rows = connection.execute(query.limit(BATCH)).all()
        if not rows:
            return
        connection.execute(change, [{"of": i, **_found_by(params)} for i, params in rows])
        after = rows[-1][0]


def _found_by(params: str) -> dict[str, str]:
    """Of videos of the releases before, which say one text and draw one avatar or model."""
    try:
        given = json.loads(params)
    except ValueError:  # nobody can read it any more
        given = {}
    avatar, model = given.get("avatar_id"), given.get("model")
    ids = sorted(str(i) for i in {avatar or ("" if model else "builtin"), model or ""} if i)
    words = str(given.get("text") or "").encode("utf-8", "replace").decode().replace("\0", "").casefold()
    return {"w": f"\n{words}", "d": f" {' '.join(ids)} "}
