"""Speaks the text of a scene, stretch by stretch; what was spoken before is not spoken again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import soxr
from huasheng.common.v1 import common_pb2

from services.common.errors import HuashengError
from services.common.script import language_of
from services.gateway.clients import Clients
from services.gateway.studio.script_pieces import Pause, Said, Script
from services.gateway.studio.types import SpokenScene
from services.gateway.turn import events as turn
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.flow import Flow, items
from services.gateway.turn.pieces import PartStore
from services.gateway.turn.stages import SpeechQueue, clause_queue, speech_queue, split_text, synthesise
from services.gateway.turn.timings import Timings

LONGEST_STRETCH = 1200
"""Characters that are spoken in one call at most: a call that fails costs no more, and none nears its deadline."""
COPY_SAMPLES = 1 << 18
_SENTENCE = re.compile(r"[。！？!?；;…\n]+[”’」』)）】》\"']*|[.](?=\s)")
_WEAKER = re.compile(r"[，、,：:\s]")


@dataclass
class Stretch:
    """What is known of a stretch that was spoken; times in seconds from its start."""

    rate_hz: int
    engine: str
    voice_id: str
    has_phonemes: bool
    clauses: list[tuple[str, float, float]] = field(default_factory=list)
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    """Phonemes, with times in microseconds."""
    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    fallbacks: list[dict[str, str]] = field(default_factory=list)


@dataclass
class SpeakerFacts:
    """Who spoke a scene."""

    engine: str = ""
    voice_id: str = ""
    fallbacks: list[turn.Fallback] = field(default_factory=list)


def stretches(script: Script) -> Iterator[Said | Pause]:
    """The pieces of a script, long ones cut at the ends of sentences."""
    for piece in script.pieces:
        if isinstance(piece, Pause) or len(piece.text) <= LONGEST_STRETCH:
            yield piece
            continue
        at = 0
        while at < len(piece.text):
            end = _cut(piece, at)
            inside = tuple(
                replace(r, start=r.start - at, end=r.end - at) for r in piece.replaced if at <= r.start and r.end <= end
            )
            if piece.text[at:end].strip():
                yield replace(piece, text=piece.text[at:end], replaced=inside)
            at = end


def _cut(said: Said, at: int) -> int:
    """Where a stretch that begins at ``at`` ends: never within a place that is written otherwise."""
    limit = at + LONGEST_STRETCH
    if len(said.text) <= limit:
        return len(said.text)
    window = said.text[at:limit]
    for pattern, least in ((_SENTENCE, LONGEST_STRETCH // 4), (_WEAKER, LONGEST_STRETCH // 2)):
        ends = [m.end() for m in pattern.finditer(window)]
        ends = [e for e in ends if e >= least and not any(r.start < at + e < r.end for r in said.replaced)]
        if ends:
            return at + ends[-1]
    inside = next((r for r in said.replaced if r.start < limit < r.end), None)
    return max(at + 1, inside.start if inside and inside.start > at else limit)


async def speak_scene(
    clients: Clients,
    timings: Timings,
    script: Script,
    voice: VoiceChoice,
    store: PartStore,
    target: Path,
) -> tuple[SpokenScene, SpeakerFacts]:
    """Speak a script into ``target`` (16-bit mono PCM). Raises what ``synthesise`` does, and ``empty-text``."""
    said = "".join(p.shown for p in script.pieces if isinstance(p, Said))
    out = SpokenScene(target, 0, 0.0, voice.language or language_of(said), warnings=list(script.warnings))
    facts, silence_s, has_phonemes = SpeakerFacts(), 0.0, True
    with target.open("wb") as file:
        for piece in stretches(script):
            if isinstance(piece, Pause):
                silence_s += piece.seconds
                continue
            path, stretch = await _kept_or_spoken(clients, timings, piece, voice, store)
            if not out.rate_hz:
                out = replace(out, rate_hz=stretch.rate_hz)
            await asyncio.to_thread(_silence, file, round(silence_s * out.rate_hz))
            silence_s = 0.0
            begins_s = file.tell() / 2 / out.rate_hz
            await asyncio.to_thread(_append, file, path, stretch.rate_hz, out.rate_hz)
            path.unlink()
            _add(out, piece, stretch, begins_s)
            has_phonemes = has_phonemes and stretch.has_phonemes
            facts.engine, facts.voice_id = facts.engine or stretch.engine, facts.voice_id or stretch.voice_id
            facts.fallbacks += [f for f in (turn.Fallback(**f) for f in stretch.fallbacks) if f not in facts.fallbacks]
        if not out.rate_hz:
            raise HuashengError("empty-text")
        await asyncio.to_thread(_silence, file, round(silence_s * out.rate_hz))
        seconds = file.tell() / 2 / out.rate_hz
    return replace(out, seconds=seconds, spans=out.spans if has_phonemes else []), facts


def _silence(file: IO[bytes], samples: int) -> None:
    while samples > 0:
        file.write(bytes(2 * min(samples, COPY_SAMPLES)))
        samples -= COPY_SAMPLES


def _append(file: IO[bytes], pcm: Path, rate_hz: int, wanted_hz: int) -> None:
    """Add 16-bit mono PCM; that of an engine with another rate is brought to the first one's."""
    resampler = None if rate_hz == wanted_hz else soxr.ResampleStream(rate_hz, wanted_hz, 1, dtype="int16")
    with pcm.open("rb") as source:
        while data := source.read(2 * COPY_SAMPLES):
            samples = np.frombuffer(data, "<i2")
            file.write((resampler.resample_chunk(samples) if resampler else samples).tobytes())
    if resampler:
        file.write(resampler.resample_chunk(np.zeros(0, np.int16), last=True).tobytes())


def _add(out: SpokenScene, piece: Said, stretch: Stretch, begins_s: float) -> None:
    at = 0
    for text, start_s, end_s in stretch.clauses:
        if not text and out.clauses:  # the clause before continues
            out.clauses[-1] = replace(out.clauses[-1], end_s=begins_s + end_s)
            continue
        found = piece.text.find(text, at)
        shown = text if found < 0 else piece.shown_between(found, found + len(text))
        at = at if found < 0 else found + len(text)
        out.clauses.append(turn.SpokenClause(shown, begins_s + start_s, begins_s + end_s))
    shift = round(begins_s * 1e6)
    out.spans.extend(
        common_pb2.PhonemeSpan(phoneme=p, start_us=start + shift, end_us=end + shift) for p, start, end in stretch.spans
    )
    out.warnings.extend(turn.TextWarning(*w) for w in stretch.warnings)


async def _kept_or_spoken(
    clients: Clients, timings: Timings, said: Said, voice: VoiceChoice, store: PartStore
) -> tuple[Path, Stretch]:
    if said.rate != 1.0:
        voice = replace(voice, speed=min(2.0, max(0.5, (voice.speed or 1.0) * said.rate)))
    words = {p.word for p in said.pronunciations}
    own = tuple(p for p in voice.dictionary if p.word not in words)
    voice = replace(voice, dictionary=(*said.pronunciations, *own))
    # of the dictionary only what is in the text: an entry for another word makes nothing new
    heard = [asdict(p) for p in voice.dictionary if p.word.casefold() in said.text.casefold()]
    wanted = [said.text, asdict(replace(voice, dictionary=())), heard]
    key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    if found := await asyncio.to_thread(store.find, key):
        return found[0], Stretch(**found[1])  # type: ignore[arg-type]  # as ``keep`` got them
    path = store.folder / f"{key[:32]}-{id(said)}.pcm"
    stretch = await _speak(clients, timings, said.text, voice, path)
    await asyncio.to_thread(store.keep, key, path, asdict(stretch))
    return path, stretch


async def _speak(clients: Clients, timings: Timings, text: str, voice: VoiceChoice, target: Path) -> Stretch:
    flow, clauses, speech = Flow(clients, timings, clients.settings.tts_s), clause_queue(), speech_queue()
    out = Stretch(0, "", "", has_phonemes=False)
    with target.open("wb") as file:
        flow.start(split_text(text, clauses))
        flow.start(synthesise(flow, voice, clauses, speech))
        flow.start(_keep_speech(speech, file, out))
        async with contextlib.aclosing(flow.events()) as events:
            async for event in events:
                _note(out, event)
    return out


def _note(out: Stretch, event: turn.Event) -> None:
    match event:
        case turn.SpeechHeader():
            out.rate_hz, out.engine, out.voice_id = event.sample_rate_hz, event.engine, event.voice_id
        case turn.SpokenClause():
            out.clauses.append((event.text, event.start_s, event.end_s))
        case turn.TextWarning():
            out.warnings.append((event.reason, event.text, event.script))
        case turn.Fallback():
            out.fallbacks.append(asdict(event))
        case _:
            pass


async def _keep_speech(speech: SpeechQueue, file: IO[bytes], out: Stretch) -> None:
    async for item in items(speech):
        match item.WhichOneof("payload"):
            case "header":
                out.has_phonemes = item.header.has_phonemes
            case "phonemes":
                out.spans += [(s.phoneme, s.start_us, s.end_us) for s in item.phonemes.spans]
            case "audio":
                file.write(item.audio.data)
