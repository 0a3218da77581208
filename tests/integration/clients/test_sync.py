"""The synchronous client through everything it offers, against the real gateway."""

import asyncio
import functools
import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huasheng import AsyncHuasheng, Huasheng, Job, JobFailedError, NotFoundError, TTSService
from huasheng.events import Done, Event
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from tests.fakes import media
from tests.integration.clients.conftest import frames, kinds, seconds
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_tour_of_the_api(world: World, tmp_path: Path) -> None:
    clip = media.video([np.full((64, 64, 3), i, np.uint8) for i in range(50)], sound=media.tone(2))
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    world.fakes.render.training.delay_s = 0.02
    await asyncio.to_thread(_files_and_people, world.gateway.url, tmp_path, clip)
    hold = world.fakes.asr.script.hold
    hold.clear()  # until the events are watched
    release = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, hold.set)
    await asyncio.to_thread(_videos_and_dialogues, world.gateway.url, tmp_path, world.fakes.llm.reply, release)
    await asyncio.to_thread(_speech, world.gateway.url, tmp_path)


def _files_and_people(url: str, folder: Path, clip: bytes) -> None:
    path, sent = folder / "me.mp4", []
    path.write_bytes(clip)
    with Huasheng(url, language="zh") as hs:
        from_path = hs.assets.upload(path, progress=lambda now, total: sent.append((now, total)))
        assert (from_path.name, from_path.kind, from_path.bytes) == ("me.mp4", "video", len(clip))
        assert sent[-1] == (len(clip), len(clip))
        assert sent == sorted(sent)
        with path.open("rb") as f:
            from_file = hs.assets.upload(f)
        from_bytes = hs.assets.upload(clip, name="bytes.mp4")
        assert [a.name for a in hs.assets.iterate(kind="video")] == ["bytes.mp4", "me.mp4", "me.mp4"]
        assert [a.id for a in hs.assets.list(limit=1, before=from_bytes.id)] == [from_file.id]
        assert hs.assets.download(from_path.id, folder / "back.mp4").read_bytes() == clip
        hs.assets.delete(from_file.id)
        with pytest.raises(NotFoundError) as gone:
            hs.assets.get(from_file.id)
        assert (gone.value.reason, gone.value.status) == ("unknown-id", 404)
        assert gone.value.request_id
        assert "没有" in str(gone.value) or "不" in str(gone.value), "in the language asked for"

        made = hs.jobs.result(hs.avatars.create(asset_id=from_path.id, name="我"))
        assert [a.id for a in hs.avatars.list()] == ["builtin", made.avatar_id]
        assert hs.avatars.set_voice(made.avatar_id, "v_en").voice_id == "v_en"
        assert hs.avatars.get(made.avatar_id).voice_id == "v_en"
        events = []
        training = hs.trainings.create(video_asset_id=from_path.id, steps=100, device=hs.system.devices()[0].device)
        trained = hs.jobs.result(training, on_event=events.append)
        assert trained.after == {"opening_corr": 0.68}
        assert not [m for m in (made, trained, made_of(events).partial, *events) if m.model_extra]
        assert "Training" in kinds(events)
        assert hs.models.get(trained.model_id).steps == 100
        hs.models.delete(trained.model_id)
        assert [m.id for m in hs.models.list()] == ["builtin"]
        hs.avatars.delete(made.avatar_id)
        assert {e.service for e in hs.system.engines().items} == {"asr", "llm", "tts", "render"}
        assert hs.system.get().status == "ok"


def _videos_and_dialogues(url: str, folder: Path, reply: str, release: Callable[[], object]) -> None:
    with Huasheng(url) as hs:
        job = hs.videos.create(text="大家好，我是画声。", subtitles=True)
        events = list(hs.jobs.watch(job))
        assert kinds(events)[0] == "Snapshot"
        assert kinds(events)[-1] == "Done"
        assert not [e for e in events if e.model_extra]
        result = hs.jobs.result(job)
        seen: list[tuple[int, int | None]] = []
        out = hs.download(result.video_url, folder / "v.mp4", progress=lambda *now: seen.append(now))
        assert frames(out.read_bytes()) == result.frames > 0
        assert seen[-1] == (result.bytes, result.bytes)
        assert result.subtitles_url
        assert hs.download(result.subtitles_url, folder / "v.vtt").read_text().startswith("WEBVTT")
        assert b"".join(hs.jobs.stream_video(job)) == out.read_bytes()
        assert [j.id for j in hs.videos.list()] == [job.id]

        asset = hs.assets.upload(media.wav(media.tone(1)), name="q.wav")
        events = []

        def hear(event: Event) -> None:
            events.append(event)
            release()

        first = hs.jobs.result(hs.dialogues.create(audio_asset_id=asset.id), on_event=hear)
        assert {"Transcript", "Reply", "Timing", "ClauseSpoken", "VideoBegun"} <= set(kinds(events))
        known = [first, result, made_of(events).partial, *events]
        assert not [m for m in known if m.model_extra], "the client knows every field that the gateway tells"
        assert (first.transcript, first.reply) == ("你好，你是谁？", reply)
        assert first.timings_ms["total"] > 0
        second = hs.jobs.result(hs.dialogues.create(text="然后呢？", conversation_id=first.conversation_id))
        talk = hs.conversations.get(second.conversation_id)
        assert [m.role for m in talk.messages] == ["user", "assistant"] * 2
        assert [c.id for c in hs.conversations.iterate()] == [talk.id]
        hs.conversations.delete(talk.id)
        jobs = list(hs.jobs.iterate(kind="dialogue", state=["succeeded", "failed"]))
        hs.jobs.forget(jobs[0])
        with pytest.raises(NotFoundError):
            hs.jobs.get(jobs[0])


def made_of(events: list[Event]) -> Job[Any]:
    assert isinstance(events[-1], Done)
    return events[-1].job


def _speech(url: str, folder: Path) -> None:
    with Huasheng(url) as hs:
        said = hs.speech.create("你好，世界。", voice_id="v_zh")
        data = said.wav
        with wave.open(io.BytesIO(data)) as w:
            length = w.getnframes() / w.getframerate()
            samples = w.readframes(w.getnframes())
        assert length == said.duration_s == pytest.approx(seconds(data)) == pytest.approx(0.6, abs=0.2)
        assert said.fallbacks == []
        chunks = list(hs.speech.stream("你好，世界。", voice_id="v_zh"))
        assert b"".join(c.pcm for c in chunks) == samples
        assert b"ContentProducer" in data[:400], "the label stays"
        assert chunks[0].sample_rate_hz == 24000
        heard = hs.transcriptions.create(media.wav(media.tone(1)), language="zh")
        assert (heard.text, heard.engine) == ("你好，你是谁？", "fake-asr")
        assert hs.voices.sample("v_en", folder / "sample.wav").stat().st_size > 1000
        recording = media.wav(media.tone(4))
        voice = hs.voices.create(recording, name="李娜", consent="I agree.", consent_by="Li Na", transcript="你好")
        assert voice.consent
        assert (voice.is_cloned, voice.consent.given_by) == (True, "Li Na")
        grown = hs.voices.add_clip(voice.voice_id, media.wav(media.tone(5)), transcript="再见")
        assert len(grown.clips) == 2
        assert len(hs.voices.remove_clip(voice.voice_id, grown.clips[1].clip_id).clips) == 1
        assert hs.voices.rename(voice.voice_id, "娜").name == "娜"
        hs.voices.delete(voice.voice_id)
        assert not [v for v in hs.voices.list() if v.is_cloned]


async def test_the_old_programs_speech_service(world: World, tmp_path: Path) -> None:
    world.fakes.tts.clones = tts_pb2.Cloning()
    reference, out = tmp_path / "li_na.wav", tmp_path / "out.wav"
    reference.write_bytes(media.wav(media.tone(4)))

    def old_program() -> None:
        with TTSService(world.gateway.url) as tts:
            assert tts.text_to_speech("你好，世界。", str(out)) is True
            assert seconds(out.read_bytes()) == pytest.approx(0.6, abs=0.2)
            with pytest.raises(ValueError, match="consent"):
                tts.text_to_speech("你好", str(out), str(reference))
            with pytest.raises(ValueError, match="wav"):
                tts.text_to_speech("你好", "out.mp3")
            before = out.read_bytes()
            assert tts.text_to_speech("  ", str(out)) is False
            assert getattr(tts.last_error, "reason", "") == "empty-text"
            assert out.read_bytes() == before
        with TTSService(world.gateway.url, consent="I agree.", consent_by="Li Na") as tts:
            assert tts.text_to_speech("你好", str(out), str(reference)) is False
            assert getattr(tts.last_error, "reason", "") == "cloning-unavailable"

    await asyncio.to_thread(old_program)
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")

    def cloned() -> None:
        with TTSService(world.gateway.url, consent="I agree.", consent_by="Li Na") as tts:
            assert tts.text_to_speech("你好", str(out), str(reference)), tts.last_error
            assert tts.text_to_speech("再见", str(out), str(reference)), tts.last_error

    await asyncio.to_thread(cloned)
    assert len(world.fakes.tts.cloned) == 1, "the voice is made once"
    (voice,) = world.fakes.tts.cloned.values()
    assert voice.consent.given_by == "Li Na"
    assert [c.voice_id for c in world.fakes.tts.configs[-2:]] == [voice.voice_id] * 2


async def test_a_failed_job_carries_its_problem(world: World, hs: AsyncHuasheng) -> None:
    world.fakes.render.script.error = HuashengError("engine-failed", engine="fake-render", why="no")

    def ask() -> None:
        with Huasheng(world.gateway.url) as own, pytest.raises(JobFailedError) as failed:
            own.jobs.result(own.videos.create(text="你好"))
        assert failed.value.problem
        assert failed.value.problem.reason == "engine-failed"
        assert failed.value.job.state == "failed"
        assert failed.value.problem.hint in str(failed.value)

    await asyncio.to_thread(ask)
