"""A long recording of real speech goes to Google piece by piece: nothing lost, nothing twice, in its order."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from services.asr.engines.base import SAMPLE_RATE_HZ
from services.asr.engines.google.engine import GoogleEngine
from services.asr.engines.google.settings import Settings
from services.asr.settings import AsrSettings
from services.asr.vad import WINDOW, spans
from services.common import audio
from services.common.audio import Samples, to_pcm16
from services.common.settings import SharedSettings
from tests.fakes.google_http import Call, heard, serving

CLIP = Path(__file__).parents[2] / "../shared/data/audio/zh_joygen_xinwen_34s.mp3"


@pytest.fixture
def clip() -> Samples:
    if not CLIP.exists():
        pytest.skip("no recordings of real speech here")
    once = audio.decode(CLIP, SAMPLE_RATE_HZ)
    return np.concatenate([once, np.zeros(3 * SAMPLE_RATE_HZ, np.float32), once[: 20 * SAMPLE_RATE_HZ]])


def test_long_speech_is_cut_at_pauses_and_joined(clip: Samples, tmp_path: Path) -> None:
    pcm = to_pcm16(clip)
    sent: list[tuple[int, int]] = []

    def listen(call: Call) -> None:
        """Find what was sent in the recording: FLAC loses nothing, so it is there to the bit."""
        file = tmp_path / f"{len(sent)}.flac"
        file.write_bytes(call.data)
        got = (audio.decode(file, SAMPLE_RATE_HZ) * 32768).round().astype("<i2").tobytes()
        start = pcm.find(got, sent[-1][1] * 2 if sent else 0) // 2
        sent.append((start, start + len(got) // 2))
        heard(f"第{len(sent)}段")(call)

    with serving(listen) as server:
        engine = GoogleEngine(Settings(url=server.url), SharedSettings(), AsrSettings())
        engine.load()
        text = engine.transcribe(clip, "zh-CN").text
    assert len(sent) >= 4 and text == "".join(f"第{i + 1}段" for i in range(len(sent)))
    assert all(0 <= a < b <= a + 15 * SAMPLE_RATE_HZ for a, b in sent)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(sent))
    heard_at = np.zeros(clip.size, bool)
    for a, b in sent:
        heard_at[a:b] = True
    for a, b in spans(engine.vad.probabilities(clip)):
        assert heard_at[a * WINDOW : b * WINDOW].all()
    assert not heard_at[35 * SAMPLE_RATE_HZ : 36 * SAMPLE_RATE_HZ].any()  # the silence stays here
