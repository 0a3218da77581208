"""What each person has stored is written down once a day, and no day is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from services.common.storage import Storage
from services.gateway.accounts import quotas as module
from services.gateway.accounts.quotas import Quotas
from services.gateway.accounts.users import UserStore
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, assets
from services.gateway.store.jobs import JobStore


def test_the_last_figure_of_a_day_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = GatewaySettings(data_dir=tmp_path)
    db = Database(settings)
    quotas, users, jobs = Quotas(db, settings), UserStore(db), JobStore(db, 10)
    ann, bob = (users.create(n, "member")["owner"] for n in ("ann", "bob"))
    row = {"owner": ann, "kind": "image", "name": "x", "bytes": 1000, "sha256": "", "content_type": "", "facts": {}}
    with db.begin() as c:
        c.execute(sa.insert(assets), [row | {"id": i, "created_at": 1.0} for i in ("a_1", "a_2")])
    monkeypatch.setattr(module, "today", lambda: "2027-01-01")
    quotas.note_stored()
    quotas.add(ann, "", "video_s", 60)
    with db.begin() as c:
        c.execute(sa.delete(assets).where(assets.c.id == "a_2"))
    quotas.note_stored()
    monkeypatch.setattr(module, "today", lambda: "2027-01-02")
    storage = Storage(f"file://{tmp_path / 'storage'}")
    jobs.create(ann, "j_1", "video", {})
    for name in ("video.mp4", "video.srt", "pieces/ab.mp4", "pieces/ab.json"):
        storage.put(f"results/j_1/{name}", b"x" * 100)
    result = {"video_key": "results/j_1/video.mp4", "subtitles_keys": {"srt": "results/j_1/video.srt"}, "pieces": 1}
    quotas.add_made(storage, ann, "", "j_1", result)
    quotas.note_stored()
    found = {(r["day"], r["owner"], r["metric"]): r["amount"] for r in quotas.by_day("2027-01-01")}
    assert found == {
        ("2027-01-01", ann, "stored_bytes"): 1000,
        ("2027-01-01", ann, "video_s"): 60,
        ("2027-01-01", bob, "stored_bytes"): 0,
        ("2027-01-02", ann, "stored_bytes"): 1400,
        ("2027-01-02", bob, "stored_bytes"): 0,
    }
    assert quotas.used(ann)["minutes_per_day"] == 0, "bytes are no minutes"
    db.close()
