"""Names of downloaded results: the one that its owner gave a video, else what is in it:
``huasheng-Anna-大家好-2026-11-28.mp4``."""

from __future__ import annotations

import re
import time

from services.gateway.media.zipping import file_stem
from services.gateway.store.db import Row

WORDS_CHARS, AVATAR_CHARS, NAME_CHARS = 24, 20, 80
_RESULT = re.compile(r"results/(j_\w+)/[^/]+")
_PLAIN_STEMS = ("video", "reply")
"""Stems of a job's main file; another file of the job keeps its stem in the name."""


def job_of_key(key: str) -> str | None:
    """The id of the job whose result a storage key is; None for other files."""
    found = _RESULT.fullmatch(key)
    return found[1] if found else None


def download_name(row: Row, file: str) -> str:
    """The name for ``file`` ("video.mp4") of a job: avatar, first words and day, as far as they are known."""
    stem, _, suffix = file.rpartition(".")
    other = "" if stem in _PLAIN_STEMS else _short(stem, WORDS_CHARS)
    if given := file_stem(row["name"], NAME_CHARS):
        return f"{'-'.join(filter(None, [given, other]))}.{suffix}"
    params, partial = row["params"], row["partial"]
    scenes = params.get("scenes") or [{}]
    said = params.get("text") or scenes[0].get("text") or partial.get("transcript") or ""
    parts = [
        "huasheng",
        _short(params.get("avatar_name") or "", AVATAR_CHARS),
        _short(said, WORDS_CHARS),
        other,
        time.strftime("%Y-%m-%d", time.localtime(row["created_at"])),
    ]
    return f"{'-'.join(p for p in parts if p)}.{suffix}"


def _short(text: str, limit: int) -> str:
    """The first words, with nothing but letters, digits and hyphens; cut between words where there are some."""
    words = re.findall(r"[^\W_]+", text[: 10 * limit])
    while len(words) > 1 and len("-".join(words)) > limit:
        words.pop()
    return "-".join(words)[:limit]
