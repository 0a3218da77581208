"""Lists which checkpoints of a GPU engine are present, missing or wrong, and where to get each.

    python -m services.render.engines.joygen.weights joygen|musetalk      (make weights ENGINE=joygen)

Present files are loaded strictly, so that a wrong or truncated one is found here and not at the first request.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.digest import sha256_of_file
from services.common.weights import WeightsError
from services.render.engines.joygen import checkpoints
from services.render.engines.joygen.bfm import Bfm

CHECKS: dict[str, Callable[[Path], Any]] = {
    "unet": checkpoints.load_unet,
    "vae": checkpoints.load_vae,
    "whisper": checkpoints.load_whisper,
    "a2m": checkpoints.load_a2m,
    "hubert": checkpoints.load_hubert,
    "recon": checkpoints.load_recon,
    "parsing": checkpoints.load_parsing,
    "bfm": lambda path: Bfm.load(path.parent),
}


@dataclass(frozen=True)
class WeightsPart:
    """One network or model of an engine, and its state."""

    name: str
    files: tuple[str, ...]
    mb: int
    licence: str
    source: str
    optional: str
    """Consequence of its absence; empty if the engine requires it."""
    state: str
    """``ok``, ``missing``, or what is wrong."""


def manifest() -> dict[str, dict[str, dict[str, Any]]]:
    """Engine -> part -> what ``weights.toml`` says of it."""
    return tomllib.loads(Path(__file__).with_name("weights.toml").read_text(encoding="utf-8"))


def check_weights(engine: str, root: Path) -> list[WeightsPart]:
    """How every part of an engine stands in its folder ``root``. Raises ``KeyError`` for an unknown engine."""
    return [
        WeightsPart(
            name=name,
            files=tuple(entry["files"]),
            mb=entry["mb"],
            licence=entry["licence"],
            source=entry["source"],
            optional=entry.get("optional", ""),
            state=_state(name, entry, root),
        )
        for name, entry in manifest()[engine].items()
    ]


def _state(name: str, entry: dict[str, Any], root: Path) -> str:
    published: list[str] = entry["files"]
    present = next(
        (files for files in (published, entry.get("instead", [])) if files and (root / files[0]).is_file()), None
    )
    if present is None:
        return "missing"
    if absent := [f for f in present if not (root / f).is_file()]:
        return f"wrong: {', '.join(absent)} is missing"
    path = root / present[0]
    try:
        CHECKS[name](path)
    except (WeightsError, OSError, ValueError, KeyError) as e:
        return f"wrong: {e}"
    if present is published and "sha256" in entry and sha256_of_file(path) != entry["sha256"]:
        return f"other content than published (sha256 should be {entry['sha256']}); it fits, so it is used"
    return "ok"


def main() -> None:
    """Command line; exit status 1 if the engine cannot start with what is there."""
    from services.common.settings import load
    from services.render.engines.joygen.settings import Settings

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("engine", choices=tuple(manifest()))
    parser.add_argument("--folder", type=Path, help="where the engine's files lie (default: <models_dir>/<engine>)")
    args = parser.parse_args()
    root = args.folder or load(Settings).models_dir / args.engine
    write = sys.stdout.write
    write(f"{args.engine}: files belong into {root}\n")
    parts = check_weights(args.engine, root)
    for part in parts:
        write(f"\n{part.name}: {part.state}\n")
        for file in part.files:
            write(f"    {file}\n")
        write(f"    licence: {part.licence}\n")
        if part.state != "ok":
            write(f"    about {part.mb} MB, from {part.source}\n")
            if part.optional:
                write(f"    optional: {part.optional}\n")
    blocking = [p.name for p in parts if not p.optional and (p.state == "missing" or p.state.startswith("wrong"))]
    write(f"\n{args.engine} cannot start: {', '.join(blocking)}\n" if blocking else f"\n{args.engine} can start\n")
    sys.exit(1 if blocking else 0)


if __name__ == "__main__":
    main()
