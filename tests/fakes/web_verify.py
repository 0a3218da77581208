"""What the page gets for `POST /verify`: by the name of the file, one of the answers that there are."""

from __future__ import annotations

from typing import Any

LABEL = {
    "fields": {"Label": "1", "ContentProducer": "huasheng", "ProduceID": "j_1", "ReservedCode1": "abc"},
    "is_ours": True,
}
MANIFEST = {
    "state": "valid",
    "is_ours": True,
    "signer": "Huasheng media",
    "generator": "Huasheng 0.1.0",
    "source_type": "compositeWithTrainedAlgorithmicMedia",
    "ingredients": ["source clip", "voice"],
    "problems": [],
}
MADE = {
    "at": "2026-11-28T06:05:00.000Z",
    "kind": "video",
    "engine": "atlas",
    "is_sound_made": True,
    "visible_mark": "start",
    "is_mine": True,
    "job_id": "j_1",
    "job_url": "/api/v1/jobs/j_1",
}


def verification(name: str, kind: str) -> dict[str, Any]:
    """The answer for a file."""
    nothing = {
        "made_here": False,
        "evidence": "none",
        "unchanged": None,
        "kind": kind,
        "content_type": f"{kind}/x",
        "duration_s": None,
        "made": None,
        "match": None,
        "label": None,
        "manifest": None,
    }
    if "made" in name:
        return nothing | {
            "made_here": True,
            "evidence": "file",
            "unchanged": True,
            "made": MADE,
            "label": LABEL,
            "manifest": MANIFEST,
        }
    if "copy" in name:
        match = {"share": 0.98, "speed": 1.02, "offset_s": 0.4, "pictures": True}
        made = MADE | {"is_mine": False, "job_id": None, "job_url": None}
        return nothing | {
            "made_here": True,
            "evidence": "content",
            "unchanged": False,
            "made": made,
            "match": match,
        }
    return nothing
