"""A folder that looks like a GPT-SoVITS checkout, and engines for tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from services.common.settings import SharedSettings
from services.tts.engines.base import Piece, SpeechRequest, TextClause
from services.tts.engines.gpt_sovits.engine import GptSovitsEngine
from services.tts.engines.gpt_sovits.settings import Settings
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


WAITED_OUT: dict[str, Any] = {"first_s": 1, "stall_s": 0.5, "deadline_s": 2}
"""Deadlines for tests in which they pass; elsewhere a busy machine may need longer for an answer that comes."""


def engine(folder: Path, url: str, **settings: Any) -> GptSovitsEngine:
    """With a voice and generous deadlines; not loaded yet."""
    reference = folder / "reference.wav"
    reference.write_bytes(b"the fake only looks whether it is there")
    given = {
        "urls": url,
        "reference": str(reference),
        "python": sys.executable,
        "first_s": 20,
        "stall_s": 10,
        "deadline_s": 30,
        "wait_s": 10,
        "backoff_s": 0.05,
        "probe_s": 0.2,
        "start_s": 20,
        **settings,
    }
    service = TtsSettings(engines=given.pop("engines", "gpt_sovits"))
    return GptSovitsEngine(Settings(**given), SharedSettings(), service)


def problem(engine: GptSovitsEngine) -> str:
    """Why it cannot speak at this moment; empty when it can."""
    error = engine.problem()
    return error.params["why"] if error else ""


def say(engine: GptSovitsEngine, text: str = "Hello there.", **request: Any) -> list[Piece]:
    """Everything it says."""
    return list(engine.synthesize(iter([TextClause(0, text)]), SpeechRequest(**request)))
