"""Why a file that somebody sent, or chose, is refused: one list for all routes; the API document is made from it."""

from __future__ import annotations

READING = (
    "too-large",
    "empty-file",
    "unsupported-media",
    "foreign-format",
    "corrupt-media",
    "media-too-heavy",
    "too-short",
    "too-long",
    "too-big-picture",
)
"""Of every upload: what receiving it and looking into it raise."""
SPEECH = ("wrong-kind", "no-audio", "silent-audio", "too-long")
"""Of what must hold speech."""
RECORDING = (*READING, *SPEECH, "long-text")
"""Of an uploaded recording and the fields beside it."""
ASSETS = {
    "asset_id": ("unknown-id", "wrong-kind"),
    "audio_asset_id": ("unknown-id", *SPEECH),
    "video_asset_id": ("unknown-id", "wrong-kind", "no-audio"),
    "film_asset_id": ("unknown-id", *SPEECH),
    "intro_asset_id": ("unknown-id", "wrong-kind"),
    "outro_asset_id": ("unknown-id", "wrong-kind"),
}
"""Of the asset that a field of a request names."""
