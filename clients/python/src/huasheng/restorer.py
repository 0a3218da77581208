"""The operator's face restorer, for ``restore`` of a video."""

from __future__ import annotations

from huasheng._answer import Answer


class RestorerUsed(Answer):
    """What went over a video's faces."""

    name: str
    licence: str


class Restorer(RestorerUsed):
    """What there is; ``problem``: why it cannot be used, or empty."""

    problem: str
