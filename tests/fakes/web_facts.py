"""What the fake server lists: avatars, voices, engines, system state."""

from __future__ import annotations

import math
from typing import Any

Row = dict[str, Any]
MADE = "2026-11-20T08:00:00.000Z"

LOCAL: Row = {
    "accounts": False,
    "id": "",
    "name": "local",
    "display_name": "",
    "role": "admin",
    "via": "local",
    "scopes": ["read", "create", "live", "admin"],
    "has_password": False,
    "limits": {},
    "used": {},
}
"""Who asks where there are no accounts."""


def avatar(key: str, name: str, warnings: list[str], kind: str = "video", missing: tuple[str, ...] = ()) -> Row:
    return {
        "id": key,
        "avatar_id": key,
        "name": name,
        "owner": "local",
        "is_builtin": key == "builtin",
        "engine": "atlas",
        "kind": kind,
        "width": 512,
        "height": 512,
        "fps": 25.0,
        "frames": 250,
        "thumbnail_url": "/media/face.jpg?sig=1",
        "idle_url": "/media/idle.mp4?sig=1",
        "created_at": MADE,
        "voice_id": None,
        "lost_voice": None,
        "report": {
            "face_fraction": 0.94,
            "face_width_px": 214.0,
            "mouth_coverage": 0.0 if kind == "portrait" else 0.71,
            "warnings": warnings,
            "missing_shapes": missing,
            "mouth_pictures": 120,
            "covered_frames": 0,
            "blurred_frames": 0,
            "face_box": {"left": 0.289, "top": 0.203, "right": 0.711, "bottom": 0.734},
        },
    }


def avatars() -> list[Row]:
    return [
        avatar("builtin", "Eileen", [], "portrait"),
        avatar("v_wang", "王老师 · Teacher Wang in the studio", ["scaled-down"], missing=("open", "closed")),
        avatar("v_anna", "Anna", []),
    ]


def model(key: str, name: str, avatar_id: str, better: bool) -> Row:
    before = {"lag_ms": 80.0, "lip_distance": 0.041, "opening_corr": 0.41, "opening_std_ratio": 0.7, "width_corr": 0.38}
    after = {"lag_ms": 20.0, "lip_distance": 0.031, "opening_corr": 0.68, "opening_std_ratio": 0.95, "width_corr": 0.37}
    chat = {"text_opening_corr": 0.47, "text_width_corr": 0.73, "text_distance": 0.078, "text_opening": 0.153}
    before |= chat | {"live_opening_corr": 0.46, "live_width_corr": 0.62, "live_distance": 0.08, "real_opening": 0.147}
    after = before | after | {"text_distance": 0.061, "text_opening": 0.121, "text_opening_corr": 0.55}
    return {
        "id": key,
        "model_id": key,
        "name": name,
        "owner": "local",
        "is_builtin": False,
        "engine": "atlas",
        "avatar_id": avatar_id,
        "steps": 5000,
        "training_id": key.split("_")[0],
        "before": before,
        "after": after if better else before,
        "warnings": ["live-not-better"] if better else ["not-better", "text-not-better", "live-not-better"],
        "offset_ms": 120.0,
        "curve": curve(1.0),
        "preview_url": "/media/face.jpg?sig=1",
        "before_video_url": "/media/idle.mp4?sig=1",
        "after_video_url": "/media/idle.mp4?sig=2",
        "created_at": MADE,
    }


def curve(learned: float) -> Row:
    """A mouth that opens and closes; the trained one follows it the better the more it has learned (0 to 1)."""
    real = [round(0.08 + 0.08 * math.sin(n / 3) * math.sin(n / 17), 4) for n in range(120)]
    before = [round(0.08 + 0.03 * math.sin(n / 3 + 1.1), 4) for n in range(120)]
    after = [round(learned * r + (1 - learned) * b, 4) for r, b in zip(real, before, strict=True)]
    return {"rate_hz": 25.0, "start_s": 10.0, "real": real, "before": before, "after": after}


def voices() -> list[Row]:
    known = [
        ("zf_xiaoxiao", "晓晓", "zh-CN", "female", True),
        ("zf_xiaoyi", "晓伊", "zh-CN", "female", False),
        ("zm_yunxi", "云希", "zh-CN", "male", False),
        ("af_heart", "Heart", "en-US", "female", True),
        ("am_michael", "Michael", "en-US", "male", False),
        ("bf_emma", "Emma", "en-GB", "female", False),
    ]
    return [
        {
            "voice_id": v,
            "name": name,
            "language": tongue,
            "gender": gender,
            "engine": "kokoro",
            "is_cloned": False,
            "is_default": default,
            "sample_text": "你好，很高兴为你讲话。" if tongue == "zh-CN" else "Hello, I am happy to speak for you.",
            "sample_url": f"/api/v1/voices/{v}/sample",
            "synthesis": ["speed"],
            "weights": None,
            "clips": [],
            "consent": None,
            "created_at": None,
        }
        for v, name, tongue, gender, default in known
    ]


def cloned(key: str, fields: Row, clips: list[Row]) -> Row:
    """A voice that was made here."""
    return {
        **voices()[0 if fields["language"].startswith("zh") else 3],
        "id": key,
        "voice_id": key,
        "name": fields["name"],
        "language": fields["language"],
        "gender": "",
        "engine": "gpt_sovits",
        "is_cloned": True,
        "is_default": False,
        "sample_url": f"/api/v1/voices/{key}/sample",
        "synthesis": ["speed", "seed"],
        "weights": fields.get("weights"),
        "clips": clips,
        "consent": {"statement": fields["consent"], "given_by": fields["consent_by"], "recorded_at": MADE},
        "created_at": MADE,
    }


def clip(number: int, transcript: str) -> Row:
    """A recording of a voice."""
    return {
        "clip_id": f"{number:016x}",
        "seconds": 4.6,
        "snr_db": 41.0,
        "transcript": transcript or "你好，你是谁？",
        "url": "/media/tone.wav?sig=1",
    }


def engines(can_train: bool, resting: str = "") -> list[Row]:
    both = ["zh", "en"]
    known = [
        ("asr", "whisper", "", both, "MIT", "Whisper base, int8, with silero voice activity detection"),
        ("asr", "sphinx", "", ["en"], "BSD-2-Clause", "PocketSphinx through SpeechRecognition"),
        (
            "asr",
            "google",
            "no connection to the recogniser; check the network",
            both,
            "proprietary service",
            "Google's recogniser",
        ),
        ("llm", "faq", "", both, "Apache-2.0", "Answers from a knowledge file about the product"),
        (
            "llm",
            "zhipu",
            "" if resting == "zhipu" else "needs an API key; set LLM_ZHIPU_API_KEY and start the llm service again",
            both,
            "proprietary service",
            "GLM-4-Plus",
        ),
        ("tts", "kokoro", "", both, "Apache-2.0", "Kokoro 82M: Chinese, English and mixed text"),
        ("render", "atlas", "", [], "Apache-2.0", "Redraws the mouth from the person's own frames, on the CPU"),
        (
            "render",
            "joygen",
            "needs an NVIDIA GPU; none was found",
            [],
            "Apache-2.0",
            "Diffusion-based talking face, on the GPU",
        ),
    ]
    defaults = {"whisper", "faq", "kokoro", "atlas"}
    return [
        {
            "service": s,
            "name": n,
            "available": not why,
            "reason": why,
            "is_default": n in defaults,
            "languages": langs,
            "license": lic,
            "description": what,
            "models": ["glm-4-plus", "glm-4-air"] if n == "zhipu" else [],
            "can_train": can_train and n == "atlas",
            "cannot_train_reason": "" if can_train or n != "atlas" else "torch is not installed",
            "cannot_train_cause": "" if can_train or n != "atlas" else "torch-missing",
            "breaker": "" if s == "render" else "open" if n == resting else "closed",
            "breaker_reason": "zhipu at https://zhipu.example does not answer." if n == resting else "",
            "breaker_retry_s": 12.0 if n == resting else 0.0,
            "default_steps": 5000 if n == "atlas" else 0,
            "training_clip": {"least_s": 4.0, "short_s": 14.0, "most_s": 50.0} if n == "atlas" else None,
            "needs_model": False,
            "videos_only": False,
        }
        for s, n, why, langs, lic, what in known
    ]


def system(down: set[str], when: str, lang: str) -> Row:
    why = "服务没有响应。" if lang == "zh" else "The service does not answer."
    services = [
        {
            "service": s,
            "status": "down" if s in down else "serving",
            "why": why if s in down else "",
            "address": f"127.0.0.1:5005{n}",
            "since": when,
        }
        for n, s in enumerate(("asr", "llm", "tts", "render"), 1)
    ]
    return {
        "version": "0.1.0",
        "status": "degraded" if down else "ok",
        "accounts": False,
        "services": services,
        "limits": {
            "upload_bytes": 524288000,
            "audio_s": 600,
            "video_s": 1800,
            "text_chars": 5000,
            "script_chars": 50000,
            "question_chars": 2000,
            "picture_side_px": 4096,
            "queued_jobs": 100,
        },
        "disk": {"free_bytes": 76_000_000_000, "total_bytes": 252_000_000_000},
        "queues": [
            {"queue": "dialogue", "waiting": 0, "running": 1, "concurrency": 2},
            {"queue": "render", "waiting": 3, "running": 1, "concurrency": 1},
        ],
    }
