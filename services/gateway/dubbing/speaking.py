"""Speaks the sentences of a table; what was spoken before with the same words, voice and speed is not spoken again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from services.gateway.context import Gateway
from services.gateway.dubbing.table import Line
from services.gateway.jobs.run import JobRun
from services.gateway.studio.script_pieces import Said, Script
from services.gateway.studio.speech import SpeakerFacts, speak_scene
from services.gateway.studio.types import SpokenScene
from services.gateway.studio.words_paced import voiced
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.pieces import PartStore

AT_ONCE = 2
BEFORE_S, AFTER_S = 0.03, 0.08
"""What is kept around a voice: softer sounds than those by which it is found."""
_SLOWEST, _FASTEST = 0.5, 2.0
"""What a voice may be asked for."""
Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Spoken:
    """A sentence that was spoken, with the silence around it."""

    scene: SpokenScene
    facts: SpeakerFacts
    first_s: float
    last_s: float
    """Where the voice begins and ends in it."""

    @property
    def length_s(self) -> float:
        """How long it takes without silence."""
        return self.last_s - self.first_s

    def samples(self, rate_hz: int) -> Pcm:
        """The voice alone."""
        whole: Pcm = np.fromfile(self.scene.pcm, "<i2")
        a, b = (round(t * self.scene.rate_hz) for t in (self.first_s, self.last_s))
        part = whole[a:b]
        return part if rate_hz == self.scene.rate_hz else soxr.resample(part, self.scene.rate_hz, rate_hz)


class Speaker:
    """The voice of a dubbing. ``params`` are those of its job: ``language``, ``voice_id``, ``synthesis``, ``engines``,
    ``fallback``."""

    def __init__(self, gateway: Gateway, run: JobRun, voice: VoiceChoice, store: PartStore) -> None:
        self._gateway, self._run, self._voice, self._store = gateway, run, voice, store
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.facts = SpeakerFacts()
        """Who spoke."""

    @classmethod
    async def of_job(cls, gateway: Gateway, run: JobRun, params: dict[str, Any], store: PartStore) -> Speaker:
        """Raises ``unknown-voice`` for a voice that is shared no more."""
        owner = run.owner
        dictionary = await asyncio.to_thread(gateway.dictionary.all, owner)
        voice_owner, own_id = await asyncio.to_thread(
            gateway.shares.resolve, owner, "voice", params.get("voice_id") or ""
        )
        voice = VoiceChoice.of_params(owner, params, dictionary)
        voice = replace(voice, owner=voice_owner, voice_id=own_id, language=params["language"])
        return cls(gateway, run, voice, store)

    async def say(self, line: Line, speed: float) -> Spoken:
        """Speak a translation at ``speed`` times the pace that was asked for. Raises as ``speak_scene``."""
        voice = self._voice
        if speed != 1.0:
            wanted = round((voice.speed or 1.0) * speed, 4)
            voice = replace(voice, speed=min(_FASTEST, max(_SLOWEST, wanted)))
        target = self._run.folder / f"sentence-{line.index}-{round(100 * speed)}-{len(line.translation)}.pcm"
        async with self._gate:
            scene, facts = await speak_scene(
                self._gateway.clients,
                self._run.timings,
                Script([Said(line.translation)]),
                voice,
                self._store,
                target,
            )
        self._note(facts)
        first_s, last_s = await asyncio.to_thread(_voice_in, target, scene)
        return Spoken(scene, facts, first_s, last_s)

    def _note(self, facts: SpeakerFacts) -> None:
        mine = self.facts
        mine.engine, mine.voice_id = mine.engine or facts.engine, mine.voice_id or facts.voice_id
        mine.fallbacks += [f for f in facts.fallbacks if f not in mine.fallbacks]


def _voice_in(pcm: Path, scene: SpokenScene) -> tuple[float, float]:
    stretches = voiced(pcm, scene.rate_hz, 0.0, scene.seconds)
    return max(0.0, stretches[0][0] - BEFORE_S), min(scene.seconds, stretches[-1][1] + AFTER_S)
