"""Voices between the contracts and the store."""

from __future__ import annotations

import re
from typing import Any

from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.tts.engines.base import Sampling, TtsEngine, VoiceInfo
from services.tts.reference import Reference, make_reference
from services.tts.settings import TtsSettings
from services.tts.text.samples import SAMPLES
from services.tts.voices import Consent, StoredVoice, VoiceStore, now_us

MOST_CLIPS = 5
MOST_TRANSCRIPT = 500
_GENDERS = {"female": tts_pb2.GENDER_FEMALE, "male": tts_pb2.GENDER_MALE}


def own_voice(v: VoiceInfo, engine: TtsEngine) -> tts_pb2.Voice:
    """A voice of an engine."""
    return tts_pb2.Voice(
        voice_id=v.voice_id,
        name=v.name,
        language=v.language,
        gender=_GENDERS.get(v.gender, tts_pb2.GENDER_UNSPECIFIED),
        engine=engine.name,
        sample_text=v.sample_text,
        sampling=engine.sampling,
    )


def cloned_voice(v: StoredVoice, store: VoiceStore, engine: TtsEngine) -> tts_pb2.Voice:
    """A voice of the store, and what its engine follows."""
    consent = tts_pb2.Consent(
        statement=v.consent.statement, given_by=v.consent.given_by, recorded_us=v.consent.recorded_us
    )
    return tts_pb2.Voice(
        voice_id=v.voice_id,
        name=v.name,
        language=v.language,
        engine=v.engine,
        is_cloned=True,
        sample_text=SAMPLES[v.language.split("-")[0].lower()],
        transcript=v.transcript,
        clips=[
            tts_pb2.VoiceClip(
                seconds=c.seconds,
                snr_db=c.snr_db,
                loudness_lufs=c.loudness_lufs,
                clip_id=c.clip_id,
                transcript=c.transcript,
                uri=store.clip_uri(v, c),
            )
            for c in v.clips
        ],
        consent=consent,
        created_us=v.created_us,
        sampling=engine.sampling,
        model=v.model,
    )


def checked_name(name: str) -> str:
    """The name for people. Raises ``bad-request``."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise HuashengError("bad-request", what="A voice's name has 1 to 80 characters.")
    return name


def sampling(s: Any, engine: TtsEngine) -> Sampling:
    """The message as the engines' own.

    Raises ``bad-request`` for values out of range, ``synthesis-unsupported`` for what the engine does not follow.
    """
    limits = {
        "seed": (-1, 2**31 - 1),
        "temperature": (0.01, 2),
        "top_k": (1, 100),
        "top_p": (0.01, 1),
        "repetition_penalty": (1, 2),
    }
    # 0.4 travels as 0.4000000059604645
    given: dict[str, Any] = {name: round(getattr(s, name), 6) for name in limits if s.HasField(name)}
    for name, value in given.items():
        low, high = limits[name]
        if not low <= value <= high:
            raise HuashengError("bad-request", what=f"{name} {value:g} is not within {low} and {high}.")
    if s.HasField("split"):
        if not re.fullmatch("cut[0-5]", s.split):
            raise HuashengError("bad-request", what=f"split {s.split[:20]!r} is not one of cut0 to cut5.")
        given["split"] = s.split
    ignored = [name for name in given if name not in engine.sampling]
    if ignored:
        raise HuashengError("synthesis-unsupported", engine=engine.name, fields=", ".join(ignored))
    return Sampling(**given)


def create(
    store: VoiceStore, settings: TtsSettings, engine: TtsEngine, request: tts_pb2.CreateVoiceRequest
) -> StoredVoice:
    """Check everything, then keep the voice. Raises what ``make_reference`` does, ``voice-no-consent`` and others."""
    name = checked_name(request.name)
    statement, given_by = request.consent.statement.strip(), " ".join(request.consent.given_by.split())
    if not statement or not given_by or len(statement) > 2000 or len(given_by) > 200:
        raise HuashengError("voice-no-consent")
    language = request.language or "zh-CN"
    if language.split("-")[0].lower() not in SAMPLES:
        raise HuashengError("bad-request", what=f"Voices are cloned in {', '.join(SAMPLES)}, not in {language[:20]}.")
    if request.model and request.model not in engine.clone_models():
        raise HuashengError("bad-request", what=f"The operator does not offer the weights {request.model[:40]!r}.")
    uris = [request.reference_uri, *request.more_reference_uris]
    if len(uris) > MOST_CLIPS:
        raise HuashengError("bad-request", what=f"A voice is made of {MOST_CLIPS} recordings at most.")
    transcript = _transcript(request.transcript)
    if not transcript:
        raise HuashengError("voice-no-transcript", name=name)
    names = [name] if len(uris) == 1 else [f"{name} ({i + 1})" for i in range(len(uris))]
    keys = [_key(store, uri) for uri in uris]  # all of them, before the first is read
    references = [_reference(store, settings, k, n) for k, n in zip(keys, names, strict=True)]
    consent = Consent(statement, given_by, now_us())
    return store.create(
        owner=request.owner,
        name=name,
        language=language,
        transcript=transcript,
        engine=engine.name,
        model=request.model,
        references=references,
        consent=consent,
    )


def add_clip(store: VoiceStore, settings: TtsSettings, request: tts_pb2.AddVoiceClipRequest) -> StoredVoice:
    """Check the recording, then keep it with the voice. Raises what ``make_reference`` and ``store.add_clip`` do."""
    voice = store.find(request.owner, request.voice_id)
    if len(voice.clips) >= MOST_CLIPS:
        raise HuashengError("voice-full", name=voice.name, limit=MOST_CLIPS)
    transcript = _transcript(request.transcript)
    reference = _reference(store, settings, _key(store, request.reference_uri), voice.name)
    return store.add_clip(request.owner, request.voice_id, reference, transcript, MOST_CLIPS)


def _transcript(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MOST_TRANSCRIPT:
        raise HuashengError("long-text", count=len(text), limit=MOST_TRANSCRIPT)
    return text


def _key(store: VoiceStore, uri: str) -> str:
    key = store.storage.key(uri)
    if not store.storage.exists(key):
        raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
    return key


def _reference(store: VoiceStore, settings: TtsSettings, key: str, name: str) -> Reference:
    with store.storage.local(key) as path:
        return make_reference(path, name, settings.clone_seconds)
