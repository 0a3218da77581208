"""Takes the place of ``GPT_SoVITS/TTS_infer_pack/TTS.py`` under the real ``api_v2.py``: tones instead of models.

It yields and raises what the original does, as read there; ``boom`` in the text is a failure inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes.gpt_sovits_server import FAILED, LANGUAGES, spoken


class TTS_Config:  # the name that api_v2.py imports
    def __init__(self, path: str) -> None:
        self.version, self.languages = "v2ProPlus", list(LANGUAGES)


class TTS:
    def __init__(self, _config: TTS_Config) -> None:
        pass

    def set_ref_audio(self, path: str) -> None:
        if not Path(path).exists():
            raise FileNotFoundError(path)

    def init_t2s_weights(self, path: str) -> None:
        if "missing" in path:
            raise FileNotFoundError(f"{path} not found")

    init_vits_weights = init_t2s_weights

    def run(self, r: dict[str, Any]) -> Iterator[tuple[int, np.ndarray]]:
        if not Path(r["ref_audio_path"]).exists():
            raise ValueError(f"{r['ref_audio_path']} not exists")
        streams = r["return_fragment"] or r["streaming_mode"]
        mode = 1 if r["return_fragment"] else 2 if r["streaming_mode"] else 0
        if "boom" in r["text"]:
            yield 16000, FAILED
            raise RuntimeError("boom")
        chunks = list(spoken(r, 32000, mode))
        if not chunks and not streams:
            yield 16000, FAILED
        yield from chunks
