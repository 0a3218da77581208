"""Voices made from recordings, over real gRPC, spoken by GPT-SoVITS' fake; the recordings are of real people."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2

from services.common import errors
from services.common.audio import decode, wav_bytes
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.server import make_service
from services.tts.settings import TtsSettings
from tests.fakes.gpt_sovits_server import FakeSovits
from tests.fakes.serving import served
from tools.system import ROOT

SPEECH = ROOT.parent / "shared" / "data" / "audio" / "en_echomimic_5s.wav"
needs_speech = pytest.mark.skipif(not SPEECH.exists(), reason="needs a recording of real speech")
CONSENT = tts_pb2.Consent(statement="This is my own voice and I agree to its cloning.", given_by="A. Person")


class Stack:
    def __init__(self, stub: Any, storage: Storage, clips: Path, fake: FakeSovits) -> None:
        self.stub, self.storage, self.clips, self.fake = stub, storage, clips, fake

    def put(self, name: str, data: bytes) -> str:
        self.storage.put(f"assets/{name}.wav", data)
        return self.storage.uri(f"assets/{name}.wav")

    async def create(self, uri: str, **fields: Any) -> tts_pb2.Voice:
        given = {
            "owner": "anna",
            "name": "Anna",
            "transcript": "Hello.",
            "language": "en-US",
            "consent": CONSENT,
            **fields,
        }
        request = tts_pb2.CreateVoiceRequest(reference_uri=uri, **given)
        return (await self.stub.CreateVoice(request, timeout=20)).voice

    async def refused(self, call: Any) -> str:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await call
        return errors.from_rpc(e.value, "tts").slug

    async def voices(self, owner: str = "anna") -> list[tts_pb2.Voice]:
        return list((await self.stub.ListVoices(tts_pb2.ListVoicesRequest(owner=owner), timeout=10)).voices)

    async def say(self, voice_id: str, owner: str = "anna", **config: Any) -> list[Any]:
        first = tts_pb2.SynthesisConfig(owner=owner, voice_id=voice_id, **config)
        requests = [
            tts_pb2.StreamSynthesizeRequest(config=first),
            tts_pb2.StreamSynthesizeRequest(clause=tts_pb2.Clause(index=0, text="Hello there, my dear friend.")),
            tts_pb2.StreamSynthesizeRequest(end=common_pb2.EndOfInput()),
        ]
        return [a async for a in self.stub.StreamSynthesize(iter(requests), timeout=20)]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    with FakeSovits() as fake:
        settings = TtsSettings(engines="gpt_sovits")
        own = {"gpt_sovits": GptSovitsSettings(urls=fake.url, streaming=1, voices_dir=tmp_path / "clips")}
        storage = Storage(f"file://{tmp_path}/storage")
        spec = make_service(settings, SharedSettings(storage_url=f"file://{tmp_path}/storage"), own)
        async with served(spec, settings) as running:
            yield Stack(running.stub, storage, tmp_path / "clips", fake)


async def test_what_gpt_sovits_cannot_follow_of_the_dictionary_is_a_warning(tmp_path: Path) -> None:
    reference = tmp_path / "reference.wav"
    reference.write_bytes(b"the fake only looks whether it is there")
    with FakeSovits() as fake:
        settings = TtsSettings(engines="gpt_sovits")
        own = {"gpt_sovits": GptSovitsSettings(urls=fake.url, reference=str(reference))}
        spec = make_service(settings, SharedSettings(storage_url=f"file://{tmp_path}/storage"), own)
        async with served(spec, settings) as running:
            stack = Stack(running.stub, Storage(f"file://{tmp_path}/storage"), tmp_path, fake)
            entries = [tts_pb2.Pronunciation(word="there", say="/ðɛɹ/", language="en")]
            said = (await stack.say("", pronunciations=entries))[-1].finished.warnings
            asked = [
                tts_pb2.PreviewRequest(text="Hello there.", pronunciations=entries, words_only=words_only)
                for words_only in (False, True)
            ]
            told = [(await stack.stub.Preview(r, timeout=10)).warnings for r in asked]
            kana = tts_pb2.PreviewRequest(text="こんにちは、元気です。", words_only=True)
            assert not (await stack.stub.Preview(kana, timeout=10)).warnings, "it speaks Japanese"
    for warnings in (said, *told):
        assert [(w.reason, w.text, w.script) for w in warnings] == [("entry-ignored", "there", "")]


@needs_speech
async def test_a_voice_from_its_making_to_its_end(stack: Stack) -> None:
    uri = stack.put("one", SPEECH.read_bytes())
    made = await stack.create(uri, more_reference_uris=[uri])
    assert made.is_cloned and made.engine == "gpt_sovits" and (made.name, made.language) == ("Anna", "en-US")
    assert [round(c.seconds, 1) for c in made.clips] == [4.6, 4.6] and made.clips[0].snr_db > 30
    assert [c.transcript for c in made.clips] == ["Hello.", ""] and set(made.sampling) > {"seed", "split"}
    assert made.consent.given_by == "A. Person" and made.consent.recorded_us >= made.created_us - 60_000_000
    assert [v.voice_id for v in await stack.voices()] == [made.voice_id]

    answers = await stack.say(made.voice_id)
    header = answers[0].header
    assert (header.engine, header.voice_id, header.has_phonemes) == ("gpt_sovits", made.voice_id, False)
    assert not [a for a in answers if a.HasField("phonemes")]
    marks = [a.clause for a in answers if a.HasField("clause")]
    assert "".join(m.text for m in marks) == "Hello there, my dear friend."
    assert answers[-1].finished.duration_us == marks[-1].end_us > 1_000_000
    sent = stack.fake.requests[-1]
    reference = Path(sent["ref_audio_path"])
    assert reference.parent == stack.clips and len(sent["aux_ref_audio_paths"]) == 1
    assert (sent["prompt_text"], sent["prompt_lang"]) == ("Hello.", "en")
    # as GPT-SoVITS wants it: 3 to 10 s at 16 kHz
    assert 48_000 <= decode(reference, 16_000).size <= 160_000

    renamed = tts_pb2.RenameVoiceRequest(owner="anna", voice_id=made.voice_id, name=" Anna  B. ")
    assert (await stack.stub.RenameVoice(renamed)).voice.name == "Anna B."
    assert [v.name for v in await stack.voices()] == ["Anna B."]
    await stack.stub.DeleteVoice(tts_pb2.DeleteVoiceRequest(owner="anna", voice_id=made.voice_id))
    assert await stack.voices() == [] and list(stack.clips.iterdir()) == []
    assert not [f for f in Path(stack.storage.root).rglob("*") if f.is_file() and "voices" in f.parts]
    assert await stack.refused(stack.say(made.voice_id)) == "unknown-voice"


@needs_speech
async def test_a_voice_is_its_owners_alone(stack: Stack) -> None:
    made = await stack.create(stack.put("one", SPEECH.read_bytes()))
    assert await stack.voices("ben") == []
    request = {"owner": "ben", "voice_id": made.voice_id}
    assert await stack.refused(stack.say(made.voice_id, owner="ben")) == "unknown-voice"
    assert await stack.refused(stack.stub.DeleteVoice(tts_pb2.DeleteVoiceRequest(**request))) == "unknown-voice"
    renamed = tts_pb2.RenameVoiceRequest(name="mine", **request)
    assert await stack.refused(stack.stub.RenameVoice(renamed)) == "unknown-voice"
    assert len(await stack.voices()) == 1


@needs_speech
async def test_recordings_and_requests_that_are_refused(stack: Stack) -> None:
    x, rate = decode(SPEECH, 32_000), 32_000
    rng = np.random.default_rng(1)
    good = stack.put("good", SPEECH.read_bytes())
    sounds = {
        "too-short": x[: 2 * rate],
        "too-long": np.tile(x, 3),
        "silent-audio": x * 0,
        "voice-clipped": np.clip(x * 8, -1, 1),
        "voice-noisy": 0.2 * x + rng.normal(0, 0.03, x.size),
        # an organ: notes with rests
        "no-speech": 0.3 * np.sin(np.arange(5 * rate) * 0.04) * (np.arange(5 * rate) % rate < 0.8 * rate),
    }
    for reason, sound in sounds.items():
        uri = stack.put(reason, wav_bytes(sound.astype(np.float32), rate))
        assert await stack.refused(stack.create(uri)) == reason
        assert await stack.refused(stack.create(good, more_reference_uris=[uri])) == reason
    assert await stack.refused(stack.create(stack.put("text", b"hello"))) == "unsupported-media"
    assert await stack.refused(stack.create("file:///etc/passwd")) == "unknown-id"
    assert await stack.refused(stack.create(stack.storage.uri("assets/none.wav"))) == "unknown-id"
    assert await stack.refused(stack.create(good, consent=tts_pb2.Consent(statement="I agree."))) == "voice-no-consent"
    assert await stack.refused(stack.create(good, transcript=" ")) == "voice-no-transcript"
    for bad in ({"name": " "}, {"language": "fr-FR"}, {"model": "anna.ckpt"}, {"more_reference_uris": [good] * 5}):
        assert await stack.refused(stack.create(good, **bad)) == "bad-request"
    assert await stack.voices() == []


@needs_speech
async def test_recordings_come_and_go(stack: Stack) -> None:
    x = decode(SPEECH, 32_000)
    uris = [stack.put(f"take{i}", wav_bytes((x * g).astype(np.float32), 32_000)) for i, g in enumerate((1, 0.9, 0.8))]
    made = await stack.create(uris[0])
    who = {"owner": "anna", "voice_id": made.voice_id}
    add, remove = stack.stub.AddVoiceClip, stack.stub.RemoveVoiceClip
    await add(tts_pb2.AddVoiceClipRequest(reference_uri=uris[1], **who))
    grown = (await add(tts_pb2.AddVoiceClipRequest(reference_uri=uris[2], transcript=" Good  day. ", **who))).voice
    assert [c.transcript for c in grown.clips] == ["Hello.", "", "Good day."]
    ids = [c.clip_id for c in grown.clips]
    assert len(set(ids)) == 3 and decode(stack.storage.read(stack.storage.key(grown.clips[2].uri)), 32_000).size
    await stack.say(made.voice_id)
    assert len(stack.fake.requests[-1]["aux_ref_audio_paths"]) == 2

    # the one with known words takes the place of the first
    left = (await remove(tts_pb2.RemoveVoiceClipRequest(clip_id=ids[0], **who))).voice
    assert [c.clip_id for c in left.clips] == [ids[2], ids[1]] and left.transcript == "Good day."
    assert len(list(stack.clips.iterdir())) == 2
    await stack.say(made.voice_id)
    sent = stack.fake.requests[-1]
    assert sent["prompt_text"] == "Good day." and ids[2] in sent["ref_audio_path"]
    assert await stack.refused(remove(tts_pb2.RemoveVoiceClipRequest(clip_id=ids[0], **who))) == "unknown-id"
    again = tts_pb2.AddVoiceClipRequest(reference_uri=uris[1], **who)
    assert await stack.refused(add(again)) == "voice-clip-known"
    await remove(tts_pb2.RemoveVoiceClipRequest(clip_id=ids[1], **who))
    last = tts_pb2.RemoveVoiceClipRequest(clip_id=ids[2], **who)
    assert await stack.refused(remove(last)) == "voice-last-clip"
    assert await stack.refused(add(tts_pb2.AddVoiceClipRequest(reference_uri=uris[1]))) == "unknown-voice"
    full = await stack.create(uris[0], more_reference_uris=[*uris[1:], uris[1], uris[2]])
    over = tts_pb2.AddVoiceClipRequest(owner="anna", voice_id=full.voice_id, reference_uri=uris[0])
    assert await stack.refused(add(over)) == "voice-full"


@needs_speech
async def test_a_voice_that_was_kept_before_clips_had_their_own_words(stack: Stack) -> None:
    made = await stack.create(stack.put("one", SPEECH.read_bytes()), transcript="Hello.")
    key = stack.storage.key(made.clips[0].uri)
    place = key.rsplit("/", 1)[0]
    kept = json.loads(stack.storage.read(f"{place}/voice.json"))
    stack.storage.put(f"{place}/clip0.wav", stack.storage.read(key))
    stack.storage.delete(key)
    kept["transcript"] = kept["clips"][0].pop("transcript")
    del kept["clips"][0]["file"]
    stack.storage.put_json(f"{place}/voice.json", kept)
    (found,) = await stack.voices()
    assert found.transcript == "Hello." and found.clips[0].uri.endswith("clip0.wav")
    await stack.say(made.voice_id)
    assert stack.fake.requests[-1]["prompt_text"] == "Hello."


async def test_whether_voices_can_be_cloned_is_told(stack: Stack) -> None:
    assert (await stack.stub.ListVoices(tts_pb2.ListVoicesRequest())).cloning.engine == "gpt_sovits"


async def test_without_a_voice(stack: Stack) -> None:
    assert await stack.refused(stack.say("")) == "voice-needed"
    assert await stack.refused(stack.say("../../x")) == "unknown-voice"
    assert await stack.refused(stack.say("", sampling=tts_pb2.Sampling(top_k=1000))) == "bad-request"
    assert await stack.refused(stack.say("", sampling=tts_pb2.Sampling(split="cut9"))) == "bad-request"
    engine = (await stack.stub.ListEngines(tts_pb2.ListEnginesRequest())).engines[0]
    assert engine.available and engine.is_default


@needs_speech
async def test_all_that_an_owner_had_is_forgotten(stack: Stack) -> None:
    uri = stack.put("a", SPEECH.read_bytes())
    mine, theirs = await stack.create(uri), await stack.create(uri, owner="bob")
    await stack.say(mine.voice_id)
    await stack.say(theirs.voice_id, owner="bob")
    await stack.stub.ForgetOwner(tts_pb2.ForgetOwnerRequest(owner="anna"))
    assert [v.is_cloned for v in await stack.voices()].count(True) == 0
    assert theirs.voice_id in [v.voice_id for v in await stack.voices("bob")]
    assert not [p for p in stack.clips.rglob("*.wav") if mine.voice_id in p.name], "no copy for the engine"
    assert [p for p in stack.clips.rglob("*.wav") if theirs.voice_id in p.name]
