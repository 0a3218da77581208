"""Rows and messages as the API shows them: times as text, storage keys as links, errors in the reader's language."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from services.common.errors import HuashengError, problem
from services.common.storage import Storage
from services.gateway.media.signing import Signer
from services.gateway.store.db import iso
from services.gateway.turn.events import Fallback

Row = dict[str, Any]
BUILTIN = "builtin"
BREAKERS = {1: "closed", 2: "open", 3: "half-open"}
GENDERS = {0: "", 1: "female", 2: "male"}
_HIDDEN = ("reply_is_whole", "reply_engine")


def linked(value: Row, signer: Signer) -> Row:
    """Every ``x_key`` (a storage key or None) becomes ``x_url``, in dictionaries within as well."""
    out = {}
    for k, v in value.items():
        if isinstance(v, dict):
            v = linked(v, signer)
        if k.endswith("_key"):
            k, v = k.removesuffix("_key") + "_url", signer.sign(f"/api/v1/media/{v}") if v else None
        out[k] = v
    return out


def asset(row: Row, signer: Signer) -> Row:
    """An asset."""
    fields = (
        "id",
        "kind",
        "name",
        "bytes",
        "content_type",
        "duration_s",
        "width",
        "height",
        "fps",
        "sample_rate_hz",
        "has_audio",
        "silent",
    )
    return {k: row[k] for k in fields} | {
        "created_at": iso(row["created_at"]),
        "url": signer.sign(f"/api/v1/assets/{row['id']}/content"),
    }


def job(row: Row, signer: Signer, lang: str, position: int | None, request_id: str = "") -> Row:
    """A job."""
    error = row["error"]
    base = f"/api/v1/jobs/{quote(row['id'])}"
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "stage": row["stage"],
        "progress": round(row["progress"], 3),
        "eta_s": row["eta_s"],
        "queue_position": position,
        "params": row["params"],
        "partial": linked({k: v for k, v in row["partial"].items() if k not in _HIDDEN}, signer),
        "result": linked(row["result"], signer) if row["result"] else None,
        "error": problem(HuashengError(error["reason"], **error["params"]), lang, request_id) if error else None,
        "created_at": iso(row["created_at"]),
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
        "events_url": f"{base}/events",
        "video_url": f"{base}/video" if row["kind"] in ("dialogue", "video") else None,
    }


def avatar_row(a: Any, storage: Storage) -> Row:
    """An avatar of the render service, with storage keys."""
    return {
        "id": a.avatar_id,
        "avatar_id": a.avatar_id,
        "name": a.name,
        "owner": a.owner,
        "is_builtin": a.owner == BUILTIN,
        "engine": a.engine,
        "kind": a.kind,
        "width": a.width,
        "height": a.height,
        "fps": a.fps,
        "frames": a.frames,
        "thumbnail_key": storage.key(a.thumbnail_uri) if a.thumbnail_uri else None,
        "idle_key": storage.key(a.idle_uri) if a.idle_uri else None,
        "created_at": iso(a.created_at),
        "voice_id": None,
        "lost_voice": None,
        "report": {
            "face_fraction": round(a.report.face_fraction, 4),
            "face_width_px": round(a.report.face_width_px, 1),
            "mouth_coverage": round(a.report.mouth_coverage, 4),
            "warnings": list(a.report.warnings),
            "missing_shapes": list(a.report.missing_shapes),
            "mouth_pictures": a.report.mouth_pictures,
            "covered_frames": a.report.covered_frames,
            "blurred_frames": a.report.blurred_frames,
        },
    }


def model_row(m: Any, storage: Storage) -> Row:
    """A model of the render service, with storage keys."""
    return {
        "id": m.model_id,
        "model_id": m.model_id,
        "name": m.name,
        "owner": m.owner,
        "is_builtin": m.owner == BUILTIN,
        "engine": m.engine,
        "avatar_id": m.avatar_id or None,
        "steps": m.steps,
        "training_id": m.training_id or None,
        "before": _figures(m.before),
        "after": _figures(m.after),
        "warnings": list(m.warnings),
        "offset_ms": round(m.offset_ms, 1),
        "curve": curve(m.curve) if m.HasField("curve") else None,
        "preview_key": storage.key(m.preview_uri) if m.preview_uri else None,
        "created_at": iso(m.created_at),
    }


def _figures(named: Any) -> dict[str, float]:
    return {k: round(v, 4) for k, v in sorted(named.items())}


def curve(c: Any) -> Row:
    """How the mouth moved, was and is drawn; distances between the eyes."""
    lines = {name: [round(v, 4) for v in getattr(c, name)] for name in ("real", "before", "after")}
    return {"rate_hz": round(c.rate_hz, 3), "start_s": round(c.start_s, 3), **lines}


def voice_row(v: Any, is_default: bool, storage: Storage, signer: Signer) -> Row:
    """A voice of the tts service."""
    clips = [
        {
            "clip_id": c.clip_id,
            "seconds": round(c.seconds, 2),
            "snr_db": round(c.snr_db, 1),
            "transcript": c.transcript,
            "url": signer.sign(f"/api/v1/media/{storage.key(c.uri)}"),
        }
        for c in v.clips
    ]
    c = v.consent
    consent = {"statement": c.statement, "given_by": c.given_by, "recorded_at": iso(c.recorded_us / 1e6)}
    return {
        "id": v.voice_id,
        "voice_id": v.voice_id,
        "name": v.name,
        "language": v.language,
        "gender": GENDERS.get(v.gender, ""),
        "engine": v.engine,
        "is_cloned": v.is_cloned,
        "is_default": is_default,
        "sample_text": v.sample_text,
        "sample_url": f"/api/v1/voices/{quote(v.voice_id, safe='')}/sample",
        "synthesis": ["speed", *v.sampling],
        "weights": v.model or None,
        "clips": clips,
        "consent": consent if v.is_cloned else None,
        "created_at": iso(v.created_us / 1e6) if v.is_cloned else None,
    }


def fallback_row(f: Fallback) -> Row:
    """An engine that was passed over."""
    return {
        "service": f.service,
        "wanted": f.wanted,
        "used": f.used,
        "reason": f.reason,
        "wanted_voice": f.wanted_voice or None,
        "used_voice": f.used_voice or None,
    }


def engine_row(service: str, e: Any) -> Row:
    """An engine of a service."""
    return {
        "service": service,
        "name": e.name,
        "available": e.available,
        "reason": e.reason,
        "is_default": e.is_default,
        "languages": list(e.languages),
        "license": e.license,
        "description": e.description,
        "models": list(e.models),
        "can_train": e.can_train,
        "cannot_train_reason": e.cannot_train_reason,
        "breaker": BREAKERS.get(e.breaker, ""),
        "breaker_reason": e.breaker_reason,
        "breaker_retry_s": e.breaker_retry_s,
        "default_steps": e.default_steps,
        "needs_model": e.needs_model,
        "videos_only": e.videos_only,
    }
