"""Speaks one scene at once, for its sound and subtitles before the video is made."""

from __future__ import annotations

import asyncio
import shutil
import time
import wave
from pathlib import Path
from typing import Any

from services.gateway.catalogue.voices import tag_of
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.jobs.records import Clause, Fallback, TextWarning
from services.gateway.marks.marker import Made
from services.gateway.studio.speaking import hear_scene, say_scene
from services.gateway.studio.speech import SpeakerFacts
from services.gateway.studio.subtitle_files import rows
from services.gateway.studio.subtitles import cues_of
from services.gateway.studio.types import Cue, SpokenScene
from services.gateway.studio.words import words_of
from services.gateway.turn.timings import Timings

KEPT_S = 3600
"""How long a preview can be heard."""
COPY = 1 << 18


class _Nothing:
    """Keeps no pieces; see ``turn.pieces.PartStore``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, _key: str) -> None:
        """There are none."""

    def keep(self, _key: str, _path: Path, _facts: dict[str, object]) -> None:
        """Not kept."""


async def preview_scene(gateway: Gateway, owner: str, params: dict[str, Any]) -> dict[str, Any]:
    """The speech of a scene and its subtitles, with times from its start. Raises what speaking raises.

    ``params`` are those of the whole request with the scene's own over them.
    """
    identity = new_id("s")
    folder = gateway.settings.data_dir / "work" / identity
    folder.mkdir(parents=True)
    store, target, timings = _Nothing(folder), folder / "scene.pcm", Timings()
    try:
        if params["text"] is None:
            spoken, facts = await hear_scene(gateway, owner, timings, params, store, target, True)
            url = gateway.signer.asset(params["audio_asset_id"])
        else:
            dictionary = await asyncio.to_thread(gateway.dictionary.all, owner)
            spoken, facts = await say_scene(gateway, owner, timings, params, dictionary, store, target)
            url = await asyncio.to_thread(_published, gateway, owner, identity, spoken, facts)
        cues = await asyncio.to_thread(lambda: cues_of(words_of(spoken), spoken.language, spoken.seconds))
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)
    return {
        "audio_url": url,
        "duration_s": round(spoken.seconds, 3),
        "voice_id": facts.voice_id or None,
        "cues": [_record(c) for c in cues],
        "clauses": [
            Clause(index=k, text=c.text, start_s=round(c.start_s, 3), end_s=round(c.end_s, 3))
            for k, c in enumerate(spoken.clauses)
        ],
        "warnings": [TextWarning.of(w) for w in spoken.warnings],
        "fallbacks": [Fallback.of(f) for f in facts.fallbacks],
    }


def _record(cue: Cue) -> dict[str, Any]:
    text = "\n".join(rows(cue))
    return {"start_s": round(cue.start_s, 3), "end_s": round(cue.end_s, 3), "text": text, "second": None}


def _published(gateway: Gateway, owner: str, identity: str, spoken: SpokenScene, facts: SpeakerFacts) -> str:
    """The link of the speech as a marked WAV; earlier ones of its owner that are old go."""
    prefix = previews_of(owner)
    for key in gateway.storage.list(prefix):
        began = key.rsplit("/", 1)[-1].split("-", 1)[0]
        if not began.isdigit() or int(began) < time.time() - KEPT_S:
            gateway.storage.delete(key)
    sound = spoken.pcm.with_suffix(".wav")
    with wave.open(str(sound), "wb") as out, spoken.pcm.open("rb") as pcm:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(spoken.rate_hz)
        while data := pcm.read(COPY):
            out.writeframesraw(data)
    made = Made(identity, owner, "speech", engine=facts.engine, has_pictures=False, voice_id=facts.voice_id)
    key = f"{prefix}/{int(time.time())}-{identity}.wav"
    gateway.marker.publish(made, {key: sound}, {"kind": "preview"})
    return gateway.signer.brief_media(key)


def previews_of(owner: str) -> str:
    """Storage folder of an owner's previews."""
    return f"previews/{tag_of(owner)}"
