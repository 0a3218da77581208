"""What is said in requests beside plain values."""

from __future__ import annotations

from typing import Literal, TypedDict


class Synthesis(TypedDict, total=False):
    """How to speak; what is left out is as the operator set it. A voice follows what its ``synthesis`` names.

    ``speed`` 0.5–2; ``seed`` -1 for a new one each time; ``temperature`` 0.01–2, lower is steadier, higher livelier;
    ``top_k`` 1–100; ``top_p`` 0.01–1; ``repetition_penalty`` 1–2; ``split``: where the engine cuts the text again.
    """

    speed: float
    seed: int
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    split: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"]


class EngineChoice(TypedDict, total=False):
    """Engines that are asked first, by service; what is left out is as the operator set it, or the voice's."""

    asr: str
    llm: str
    llm_model: str
    """A language model of that engine: one of its ``models`` in ``system.engines()``."""
    tts: str
