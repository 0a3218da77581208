"""A folder that looks like a GPT-SoVITS checkout, and engines for tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from services.tts.engines.base import EngineSetup, Piece, SpeechRequest, TextClause
from services.tts.engines.gpt_sovits.engine import GptSovitsEngine
from services.tts.settings import TtsSettings

ROOT = Path(__file__).resolve().parents[2]


def checkout(folder: Path, faults: dict[int, str] | None = None) -> Path:
    """``api_v2.py`` there is the fake, with faults by number of request."""
    (folder / "GPT_SoVITS" / "configs").mkdir(parents=True)
    (folder / "GPT_SoVITS" / "configs" / "tts_infer.yaml").write_text("v2ProPlus")
    (folder / "faults.json").write_text(json.dumps(faults or {}))
    (folder / "api_v2.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.fakes.gpt_sovits_server import main\nmain()\n"
    )
    return folder


WAITED_OUT: dict[str, Any] = {"gpt_sovits_first_s": 1, "gpt_sovits_stall_s": 0.5, "gpt_sovits_deadline_s": 2}
"""Deadlines for tests in which they pass; elsewhere a busy machine may need longer for an answer that comes."""


def engine(folder: Path, url: str, **settings: Any) -> GptSovitsEngine:
    """With a voice and generous deadlines; not loaded yet."""
    reference = folder / "reference.wav"
    reference.write_bytes(b"the fake only looks whether it is there")
    given = {
        "gpt_sovits_urls": url,
        "gpt_sovits_reference": str(reference),
        "gpt_sovits_python": sys.executable,
        "gpt_sovits_first_s": 20,
        "gpt_sovits_stall_s": 10,
        "gpt_sovits_deadline_s": 30,
        "gpt_sovits_wait_s": 10,
        "gpt_sovits_backoff_s": 0.05,
        "gpt_sovits_probe_s": 0.2,
        "gpt_sovits_start_s": 20,
        **settings,
    }
    return GptSovitsEngine(EngineSetup(folder, 1, "", "", TtsSettings(**given)))


def say(engine: GptSovitsEngine, text: str = "Hello there.", **request: Any) -> list[Piece]:
    """Everything it says."""
    return list(engine.synthesize(iter([TextClause(0, text)]), SpeechRequest(**request)))
