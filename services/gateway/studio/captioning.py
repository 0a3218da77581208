"""Subtitles of a video: made of the speech or edited, burned into the pictures, written as files."""

from __future__ import annotations

import asyncio
from typing import Any

from services.gateway.api.studio_requests import CueText, Subtitles
from services.gateway.context import Gateway
from services.gateway.jobs.run import JobRun
from services.gateway.studio.scenes import Plan, Scene
from services.gateway.studio.subtitle_characters import caption_warnings
from services.gateway.studio.subtitle_files import ass, captions_message, shifted, srt, vtt
from services.gateway.studio.subtitles import cues_of, edited
from services.gateway.studio.translate import translated
from services.gateway.studio.types import Cue, SpokenScene
from services.gateway.studio.words import words_of


def _made(spoken: SpokenScene) -> list[Cue]:
    return cues_of(words_of(spoken), spoken.language, spoken.seconds)


def _edited(given: list[dict[str, Any]]) -> list[Cue]:
    return edited([CueText.model_validate(c) for c in given])


class Captioning:
    """The subtitles that a job asks for."""

    def __init__(self, gateway: Gateway, run: JobRun) -> None:
        self._clients = gateway.clients
        given = run.params["subtitles"]
        self._asked = Subtitles() if given is True else Subtitles.model_validate(given) if given else None

    @property
    def wants_words(self) -> bool:
        """Whether the words of recordings are needed as well."""
        return self._asked is not None

    async def add(self, scene: Scene, spoken: SpokenScene) -> None:
        """Find the subtitles of a scene that was spoken; burned-in ones go into its composition."""
        if not self._asked:
            return
        given = scene.params["cues"]
        # in a thread: of a long scene they are many
        if given is None:
            scene.cues = await asyncio.to_thread(_made, spoken)
        else:
            scene.cues = await asyncio.to_thread(_edited, given)
        if self._asked.second_language and scene.cues and not any(c.second for c in scene.cues):
            scene.cues = await translated(self._clients, scene.cues, self._asked.second_language)
        self.burn(scene)

    def burn(self, scene: Scene) -> None:
        """The subtitles of a scene, which it has, go into its pictures where that is asked for."""
        if self._asked and self._asked.burn and scene.cues:
            scene.composition.captions.CopyFrom(captions_message(scene.cues, self._asked))
            scene.warnings += caption_warnings(scene.cues)

    def files(self, plan: Plan) -> dict[str, bytes]:
        """The files that are asked for, by their endings; times are those of the whole video."""
        if not self._asked:
            return {}
        cues: list[Cue] = []
        for scene in plan.scenes:
            cues += shifted(scene.cues, scene.first_frame / plan.video.fps)
        video = plan.video
        written: dict[str, bytes] = {}
        for name in dict.fromkeys(self._asked.files):
            match name:
                case "srt":
                    written[name] = srt(cues).encode()
                case "vtt":
                    written[name] = vtt(cues).encode()
                case "ass":
                    written[name] = ass(cues, self._asked, video.width, video.height).encode()
        return written
