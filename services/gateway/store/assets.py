"""Uploaded files: received under a limit, checked by content, stored by id. A name is shown, never used as a path."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from fastapi import Request

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.media.prober import Prober
from services.gateway.media.uploads import Upload, receive
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, Row, assets


def clean_name(name: str) -> str:
    """A file name that is safe to show: its last part, without control characters, at most 120 characters long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(" .")
    if len(plain) > 120:
        stem, dot, ext = plain.rpartition(".")
        plain = stem[: 119 - len(ext)] + dot + ext if dot and len(ext) <= 8 else plain[:120]
    return plain or "file"


class AssetStore:
    """The assets table and its files. Queries are synchronous, ``upload`` is a coroutine."""

    def __init__(self, db: Database, storage: Storage, settings: GatewaySettings, prober: Prober) -> None:
        self._db, self._storage, self._settings, self._prober = db, storage, settings, prober

    @staticmethod
    def key(asset_id: str) -> str:
        """Storage key of an asset's file."""
        return f"assets/{asset_id}/content"

    async def upload(
        self, owner: str, request: Request, choose_id: Callable[[Upload, str], Row | str]
    ) -> tuple[Row, Upload]:
        """Receive a multipart upload and add it. A refused upload leaves nothing behind.

        ``choose_id`` is called with the upload and its sha256 once the file is complete. It returns the id of the new
        asset, or a row to return in place of a new one. Raises what ``receive`` and ``Prober.probe`` raise, and
        ``disk-full``.
        """
        folder = self._settings.data_dir / "uploads"
        upload = await receive(request, folder, self._settings.upload_mb * 2**20)
        try:
            name = clean_name(upload.filename)
            sha256 = await asyncio.to_thread(sha256_of_file, upload.path)
            chosen = await asyncio.to_thread(choose_id, upload, sha256)
            if not isinstance(chosen, str):
                return chosen, upload
            facts = await self._prober.probe(upload.path, name)
            row = {
                "id": chosen,
                "owner": owner,
                "kind": facts.kind,
                "name": name,
                "bytes": upload.size,
                "sha256": sha256,
                "content_type": facts.content_type,
                "facts": facts.row(),
                "created_at": time.time(),
            }
            await asyncio.to_thread(self._store, row, upload.path)
            return self._flat(row), upload
        finally:
            upload.path.unlink(missing_ok=True)

    def _store(self, row: Row, path: Path) -> None:
        key = self.key(row["id"])
        self._storage.take(key, path)
        try:
            with self._db.begin() as c:
                c.execute(sa.delete(assets).where(assets.c.id == row["id"], assets.c.owner == row["owner"]))
                c.execute(sa.insert(assets).values(row))
        except BaseException:
            self._storage.delete(f"assets/{row['id']}")
            raise

    def _flat(self, row: Row) -> Row:
        out = {**row, **row["facts"], "key": self.key(row["id"])}
        del out["facts"]
        return out

    def get(self, owner: str, asset_id: str) -> Row:
        """One asset, its facts among its columns, and the storage ``key`` of its file. Raises ``unknown-id``."""
        with self._db.begin() as c:
            query = sa.select(assets).where(assets.c.id == asset_id, assets.c.owner == owner)
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="asset", id=asset_id[:80])
        return self._flat(dict(row))

    def shared(self, asset_id: str) -> Row:
        """One asset of any owner; only for a request whose signed link was checked. Raises ``unknown-id``."""
        with self._db.begin() as c:
            owner = c.scalar(sa.select(assets.c.owner).where(assets.c.id == asset_id))
        return self.get(owner or "", asset_id)

    def search(self, owner: str, kind: str | None, limit: int, before: str | None) -> list[Row]:
        """Newest first."""
        query = (
            sa.select(assets).where(assets.c.owner == owner).order_by(assets.c.created_at.desc(), assets.c.id.desc())
        )
        if kind:
            query = query.where(assets.c.kind == kind)
        if before:
            query = query.where(assets.c.created_at < self.get(owner, before)["created_at"])
        with self._db.begin() as c:
            return [self._flat(dict(r)) for r in c.execute(query.limit(limit)).mappings()]

    def delete(self, owner: str, asset_id: str) -> None:
        """Remove an asset and its file. Raises ``unknown-id``."""
        self.get(owner, asset_id)
        with self._db.begin() as c:
            c.execute(sa.delete(assets).where(assets.c.id == asset_id, assets.c.owner == owner))
        self._storage.delete(f"assets/{asset_id}")
