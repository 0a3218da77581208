"""The gallery: finished videos, found by words, tag and avatar; their names and tags; what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.store import found_by
from services.gateway.store.db import Database, Row, assets, jobs, video_tags


class GalleryStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def search(
        self,
        owner: str,
        *,
        limit: int,
        before: str | None = None,
        q: str = "",
        tag: str = "",
        avatar_id: str = "",
    ) -> list[Row]:
        """Videos, newest first: all words of ``q`` are in name or text. Raises ``unknown-id`` for ``before``."""
        video = sa.and_(jobs.c.owner == owner, jobs.c.kind == "video")
        query = sa.select(jobs).where(video, jobs.c.state == "succeeded")
        for word in q.casefold().split():
            query = query.where(jobs.c.words.contains(word, autoescape=True))
        if tag:
            tagged = sa.select(video_tags.c.job_id).where(video_tags.c.owner == owner, video_tags.c.tag == tag)
            query = query.where(jobs.c.id.in_(tagged))
        if avatar_id:
            query = query.where(jobs.c.drawn.contains(f" {avatar_id} ", autoescape=True))
        with self._db.begin() as c:
            if before:
                at = c.scalar(sa.select(jobs.c.created_at).where(video, jobs.c.id == before))
                if at is None:
                    raise HuashengError("unknown-id", kind="job", id=before[:80])
                query = query.where(sa.tuple_(jobs.c.created_at, jobs.c.id) < sa.tuple_(at, before))
            query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
            return [dict(r) for r in c.execute(query).mappings()]

    def some(self, owner: str, ids: Iterable[str]) -> list[Row]:
        """Those of these jobs that are finished videos, the oldest first."""
        mine = sa.and_(jobs.c.owner == owner, jobs.c.kind == "video", jobs.c.state == "succeeded")
        query = sa.select(jobs).where(mine, jobs.c.id.in_(list(ids))).order_by(jobs.c.created_at, jobs.c.id)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def change(self, owner: str, job_id: str, name: str | None, tags: Sequence[str] | None) -> Row:
        """Name a video, tag it anew; None leaves what is there. Raises ``unknown-id``."""
        mine = sa.and_(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.kind == "video")
        with self._db.begin() as c:
            row = c.execute(sa.select(jobs).where(mine)).mappings().first()
            if not row:
                raise HuashengError("unknown-id", kind="job", id=job_id[:80])
            values = {} if name is None else {"name": name, "words": found_by.words(name, row["params"])}
            if values:
                c.execute(sa.update(jobs).where(mine).values(values))
            if tags is not None:
                c.execute(sa.delete(video_tags).where(video_tags.c.job_id == job_id))
                rows = [{"job_id": job_id, "tag": tag, "owner": owner} for tag in dict.fromkeys(tags)]
                if rows:
                    c.execute(sa.insert(video_tags), rows)
        return dict(row) | values

    def tags_of(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """The tags of these jobs in the order of their letters; jobs without any are not in it."""
        query = sa.select(video_tags.c.job_id, video_tags.c.tag).where(video_tags.c.job_id.in_(list(ids)))
        found: dict[str, list[str]] = {}
        with self._db.begin() as c:
            for job_id, tag in c.execute(query.order_by(video_tags.c.tag)):
                found.setdefault(job_id, []).append(tag)
        return found

    def tags(self, owner: str) -> list[Row]:
        """Every ``tag`` of an owner with the number of ``videos`` that have it."""
        count = sa.func.count().label("videos")
        query = sa.select(video_tags.c.tag, count).where(video_tags.c.owner == owner).group_by(video_tags.c.tag)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.order_by(video_tags.c.tag)).mappings()]

    def stored(self, owner: str) -> list[Row]:
        """``kind``, ``bytes`` and number of ``things``: of uploads, and of what jobs of each kind made."""
        sums = sa.func.sum(jobs.c.stored_bytes), sa.func.count()
        made = sa.select(jobs.c.kind, *sums).where(jobs.c.owner == owner, jobs.c.stored_bytes > 0)
        kept = sa.select(sa.func.coalesce(sa.func.sum(assets.c.bytes), 0), sa.func.count())
        with self._db.begin() as c:
            size, count = c.execute(kept.where(assets.c.owner == owner)).one()
            rows = [{"kind": "upload", "bytes": int(size), "things": count}]
            found = c.execute(made.group_by(jobs.c.kind).order_by(jobs.c.kind))
            return [*rows, *({"kind": k, "bytes": int(size), "things": n} for k, size, n in found)]
