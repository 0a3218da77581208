"""A program with the Python client on the real system: a spoken question, the answer saved while it is made."""

from pathlib import Path

import pytest
from huasheng import Huasheng, RefusedError, TTSService
from huasheng.events import ClauseSpoken, Done, Reply, Snapshot, Transcript, VideoBegun

from tests.fakes import media
from tools.demo import QUESTION
from tools.system import System


def test_a_dialogue_from_question_to_decoded_video(system: System, tmp_path: Path) -> None:
    with Huasheng(system.url) as hs:
        question = hs.assets.upload(QUESTION)
        job = hs.dialogues.create(audio_asset_id=question.id)
        seen = {type(event) for event in hs.jobs.watch(job)}
        assert {Snapshot, Transcript, Reply, ClauseSpoken, VideoBegun, Done} <= seen
        result = hs.jobs.result(job)
        heard = hs.transcriptions.create(QUESTION)
        assert heard.text == result.transcript
        info = media.decoded(hs.download(result.video_url, tmp_path / "answer.mp4"))
    assert info["frames"] == result.frames
    assert info["audio_s"] == pytest.approx(info["video_s"], abs=0.12)
    assert result.duration_s == pytest.approx(info["video_s"], abs=0.12)


def test_speech_as_the_old_program_asked_for_it(system: System, tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    with TTSService(system.url, consent="I agree.", consent_by="me") as tts:
        assert tts.text_to_speech("画声是一个会说话的数字人。", out), tts.last_error
        first = out.read_bytes()
        # the embedded engine has no cloning: said, not spoken in another voice
        assert not tts.text_to_speech("你好", out, out)
        assert getattr(tts.last_error, "reason", "") == "cloning-unavailable"
    assert out.read_bytes() == first
    with Huasheng(system.url) as hs:
        assert "数字" in hs.transcriptions.create(out, language="zh").text
        with pytest.raises(RefusedError):
            hs.speech.create(" ")
