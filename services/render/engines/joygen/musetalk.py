"""The ``musetalk`` engine: MuseTalk 1.5 (Zhang et al. 2024) on the code of ``joygen``, without a 3D face."""

from __future__ import annotations

from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.paste import MUSETALK

__all__ = ["MusetalkEngine"]


class MusetalkEngine(JoygenEngine):
    """See ``JoygenEngine``. The network takes 8 channels instead of 12, its box reaches 10 pixels lower, and it pastes
    only the jaw of a face."""

    name = "musetalk"
    network = "musetalk"
    trainer = ""
    margin = 10
    style = MUSETALK
    about = "MuseTalk 1.5: redraws the lower face from sound with a network"
    description = about
    license = "code MIT; weights may be used commercially, see docs/joygen.md"
