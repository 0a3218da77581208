"""The tts service as a scriptable fake: tones for speech, voices that can be cloned where a test says so."""

from __future__ import annotations

import hashlib
import re

import numpy as np
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common.errors import HuashengError
from services.common.storage import Storage
from tests.fakes.service_script import Script, engine, pcm

RATE = 24000


def us(samples: int) -> int:
    return samples * 1_000_000 // RATE


class Tts(tts_pb2_grpc.TtsServiceServicer):
    def __init__(self, storage: Storage) -> None:
        self.script = Script()
        self.storage = storage
        self.configs: list[tts_pb2.SynthesisConfig] = []
        self.previews: list[tts_pb2.PreviewRequest] = []
        self.clones = tts_pb2.Cloning()
        """Whether voices can be made; ``Cloning(engine="fake-clone")`` lets them."""
        self.cloned: dict[str, tts_pb2.Voice] = {}
        self.owners: dict[str, str] = {}
        """Of the cloned voices."""
        self.slots = 1
        self.seconds_per_character = 0.1
        self.follows_speed = False
        self.preview_error: HuashengError | None = None
        self.warmed: list[str] = []
        self.is_warm = False
        """Whether texts are ready as soon as they are asked for."""
        self.has_phonemes = True
        """Without, a stretch comes in two parts, as from an engine that streams and knows no phonemes."""

    async def StreamSynthesize(self, requests, context):
        self.script.enter()
        at, header, texts, config = 0, None, [], tts_pb2.SynthesisConfig()
        async for r in requests:
            what = r.WhichOneof("payload")
            if what == "config":
                self.configs.append(config := r.config)
                if r.config.voice_id not in ("", "v_zh", "v_en", *self.cloned):
                    raise HuashengError("unknown-voice", voice=r.config.voice_id)
                header = tts_pb2.SynthesisHeader(
                    format=pcm(RATE),
                    engine="fake-tts",
                    voice_id=r.config.voice_id or "v_zh",
                    has_phonemes=self.has_phonemes,
                    fallbacks=self.script.fallbacks,
                )
            elif what == "clause":
                self.script.seen.append(r.clause.text)
                texts.append(r.clause.text)
                await self.script.pause()
                if header:  # which engine speaks is known when the first one can
                    yield tts_pb2.StreamSynthesizeResponse(header=header)
                    header = None
                speed = (config.speed or 1.0) if self.follows_speed else 1.0
                samples = int(len(r.clause.text) * self.seconds_per_character * RATE / speed)
                end = at + samples
                middle = end if self.has_phonemes else (at + end) // 2
                mark = tts_pb2.ClauseMark(index=r.clause.index, text=r.clause.text, start_us=us(at), end_us=us(middle))
                yield tts_pb2.StreamSynthesizeResponse(clause=mark)
                span = common_pb2.PhonemeSpan(phoneme="a", start_us=us(at), end_us=us(end))
                if self.has_phonemes:
                    yield tts_pb2.StreamSynthesizeResponse(phonemes=tts_pb2.Phonemes(spans=[span]))
                else:
                    goes_on = tts_pb2.ClauseMark(index=r.clause.index, start_us=us(middle), end_us=us(end))
                    yield tts_pb2.StreamSynthesizeResponse(clause=goes_on)
                wave = (8000 * np.sin(np.arange(at, end) * 2 * np.pi * 220 / RATE)).astype("<i2").tobytes()
                for i in range(0, len(wave), RATE):
                    chunk = common_pb2.AudioChunk(data=wave[i : i + RATE], pts_us=us(at + i // 2))
                    yield tts_pb2.StreamSynthesizeResponse(audio=chunk)
                at = end
        if header:
            yield tts_pb2.StreamSynthesizeResponse(header=header)
        warnings = self._warnings(" ".join(texts), config)
        finished = tts_pb2.SynthesisFinished(duration_us=us(at), warnings=warnings)
        yield tts_pb2.StreamSynthesizeResponse(finished=finished)

    async def Preview(self, request, context):
        """Each text is said as written; what is in Cyrillic is left out, and IPA not followed."""
        self.script.enter()
        if self.preview_error:
            raise self.preview_error
        self.previews.append(request)
        left = re.findall("[\u0400-\u04ff]+", request.text)
        clause = tts_pb2.PreviewClause(
            text=request.text, spoken=request.text, language="zh", pronunciation="ni3 hao3", left_out=left
        )
        return tts_pb2.PreviewResponse(clauses=[clause], warnings=self._warnings(request.text, request))

    def _warnings(self, text, request):
        left = re.findall("[\u0400-\u04ff]+", text)
        ipa = [p.word for p in request.pronunciations if p.word in text and p.say.startswith("/")]
        return [tts_pb2.TextWarning(reason="left-out", text=t, script="Cyrillic") for t in left] + [
            tts_pb2.TextWarning(reason="entry-ignored", text=w) for w in ipa
        ]

    async def Warm(self, request, context):
        self.warmed += request.texts
        return tts_pb2.WarmResponse(ready=request.texts if self.is_warm else [])

    async def ListVoices(self, request, context):
        self.script.enter()
        zh = tts_pb2.Voice(
            voice_id="v_zh",
            name="小画",
            language="zh-CN",
            gender=tts_pb2.GENDER_FEMALE,
            engine="fake-tts",
            sample_text="你好。",
        )
        en = tts_pb2.Voice(
            voice_id="v_en",
            name="Hua",
            language="en-US",
            gender=tts_pb2.GENDER_MALE,
            engine="fake-tts",
            sample_text="Hi.",
        )
        own = [v for v in self.cloned.values() if self.owners[v.voice_id] == request.owner]
        own = [v for v in own if request.voice_id in ("", v.voice_id)]
        return tts_pb2.ListVoicesResponse(voices=[zh, en, *own], cloning=self.clones)

    def clip(self, uri: str, transcript: str) -> tts_pb2.VoiceClip:
        """As the real service: a copy of its own, named by its content."""
        data = self.storage.read(self.storage.key(uri))
        name = hashlib.sha256(data).hexdigest()[:16]
        self.storage.put(f"voices/fake/{name}.wav", data)
        return tts_pb2.VoiceClip(
            seconds=4, snr_db=40, clip_id=name, transcript=transcript, uri=self.storage.uri(f"voices/fake/{name}.wav")
        )

    async def CreateVoice(self, request, context):
        self.script.enter()
        if not self.clones.engine:
            raise HuashengError("cloning-unavailable", engine="fake-tts")
        request.consent.recorded_us = 1_760_000_000_000_000
        voice = tts_pb2.Voice(
            voice_id=f"v_{len(self.cloned) + 1:016x}",
            name=request.name,
            language=request.language,
            engine=self.clones.engine,
            is_cloned=True,
            sample_text="你好。",
            transcript=request.transcript,
            clips=[self.clip(request.reference_uri, request.transcript)],
            consent=request.consent,
            created_us=1_760_000_000_000_000,
            sampling=["seed", "temperature", "split"],
            model=request.model,
        )
        self.cloned[voice.voice_id], self.owners[voice.voice_id] = voice, request.owner
        return tts_pb2.CreateVoiceResponse(voice=voice)

    async def AddVoiceClip(self, request, context):
        self.script.enter()
        voice = self.cloned[request.voice_id]
        voice.clips.append(self.clip(request.reference_uri, request.transcript))
        return tts_pb2.AddVoiceClipResponse(voice=voice)

    async def RemoveVoiceClip(self, request, context):
        self.script.enter()
        voice = self.cloned[request.voice_id]
        if len(voice.clips) == 1:
            raise HuashengError("voice-last-clip", name=voice.name)
        left = [c for c in voice.clips if c.clip_id != request.clip_id]
        del voice.clips[:]
        voice.clips.extend(left)
        return tts_pb2.RemoveVoiceClipResponse(voice=voice)

    async def RenameVoice(self, request, context):
        self.cloned[request.voice_id].name = request.name
        return tts_pb2.RenameVoiceResponse(voice=self.cloned[request.voice_id])

    async def DeleteVoice(self, request, context):
        if self.owners.get(request.voice_id) != request.owner or not self.cloned.pop(request.voice_id, None):
            raise HuashengError("unknown-voice", voice=request.voice_id)
        return tts_pb2.DeleteVoiceResponse()

    async def ForgetOwner(self, request, context):
        for voice_id in [v for v, owner in self.owners.items() if owner == request.owner]:
            self.cloned.pop(voice_id, None)
        return tts_pb2.ForgetOwnerResponse()

    async def GetCapacity(self, request, context):
        capacity = common_pb2.Capacity(slots=self.slots, used=self.script.active)
        return tts_pb2.GetCapacityResponse(capacity=capacity)

    async def ListEngines(self, request, context):
        self.script.enter()
        return tts_pb2.ListEnginesResponse(engines=[engine("fake-tts")])
