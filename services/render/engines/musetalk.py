"""The ``musetalk`` engine: MuseTalk 1.5 (Zhang et al. 2024) on the code of ``joygen``, without a 3D face."""

from __future__ import annotations

from services.render.engines.joygen import JoygenEngine

__all__ = ["MusetalkEngine"]


class MusetalkEngine(JoygenEngine):
    """See ``JoygenEngine``; the network takes 8 channels instead of 12, and its box reaches 10 pixels lower."""

    name = "musetalk"
    network = "musetalk"
    trainer = ""
    margin = 10
    about = "MuseTalk 1.5: redraws the lower face from sound with a network"
    description = about
    licence = "code MIT; weights may be used commercially, see docs/joygen.md"
