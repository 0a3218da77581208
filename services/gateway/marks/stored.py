"""Marks files that another service has put into storage: the pictures and videos of a training's result."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from services.gateway.context import Gateway
from services.gateway.marks.label import mp4_with
from services.gateway.marks.marker import Made


def mark_stored(gateway: Gateway, made: Made, keys: Iterable[str], folder: Path) -> None:
    """Put marked files in the place of those under ``keys``; ``folder`` holds them meanwhile.

    Raises what ``Marker.publish`` does, and ``FileNotFoundError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for number, key in enumerate(dict.fromkeys(keys)):
        path = folder / f"stored-{number}{Path(key).suffix}"
        with gateway.storage.local(key) as stored:
            if path.suffix == ".mp4":
                path.write_bytes(mp4_with(stored.read_bytes(), gateway.marker.label(made.id)))
            else:
                shutil.copyfile(stored, path)
        files[key] = path
    gateway.marker.publish(made, files, {"job_id": made.id, "kind": made.kind, "engine": made.engine})
