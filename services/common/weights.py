"""Weights listed in ``weights.toml``: what there is, and whether the files here are the right ones.

``tools/fetch_weights.py`` fetches them (``make weights``).
"""

from __future__ import annotations

import contextlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.common.digest import sha256_of_file


class WeightsError(Exception):
    """A weights file is missing, wrong or cannot be had; the message says which and what to do."""

    def __init__(self, text: str, **cause: object) -> None:
        """``cause`` are the parameters of an error that names this one (``cause``, ``path``); empty when unknown."""
        super().__init__(text)
        self.cause = cause or {"cause": "does-not-load", "text": text}


@dataclass(frozen=True)
class WeightsFile:
    """One file of a group."""

    name: str
    sha256: str
    size: int
    sources: list[list[str]]


@dataclass(frozen=True)
class Group:
    """Weights of one model."""

    name: str
    licence: str
    about: str
    services: list[str]
    files: list[WeightsFile]


@cache
def manifest() -> dict[str, Group]:
    """All groups by name."""
    raw = tomllib.loads(Path(__file__).with_name("weights.toml").read_text(encoding="utf-8"))
    return {
        name: Group(
            name,
            g["licence"],
            g["about"],
            g["services"],
            [WeightsFile(f["name"], f["sha256"], f["bytes"], f["sources"]) for f in g["files"]],
        )
        for name, g in raw.items()
    }


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".ok")


def is_good(path: Path, file: WeightsFile) -> bool:
    """Whether the file is there and right. The hash is computed once and remembered beside the file with its mtime."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    stamp = f"{file.sha256} {path.stat().st_mtime_ns}"
    mark = _mark(path)
    if mark.is_file() and mark.read_text() == stamp:
        return True
    if sha256_of_file(path) != file.sha256:
        return False
    with contextlib.suppress(OSError):  # a read-only volume: the hash is computed again next time
        mark.write_text(stamp)
    return True


def folder(group: str, root: Path) -> Path:
    """The folder of a group whose files are all good. Raises ``WeightsError`` naming the first bad one."""
    for file in manifest()[group].files:
        path = root / group / file.name
        if not is_good(path, file):
            what = "damaged" if path.exists() else "missing"
            raise WeightsError(f"weights file {path} is {what}; run: make weights", cause=f"weights-{what}", path=path)
    return root / group
