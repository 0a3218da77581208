"""What the API's document says of files: every reason to refuse one, on every route that takes one."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from services.gateway.api.openapi import EVERYWHERE, STORING
from services.gateway.media import refusals
from tests.fakes.problems import declared, document

SERVICES = Path(__file__).resolve().parents[3] / "services"
READERS = (
    "common/media/channels.py",
    "common/media/containers.py",
    "common/media/pictures.py",
    "common/media/sound.py",
    "gateway/media/prober.py",
    "gateway/media/inspecting.py",
    "gateway/media/probing.py",
    "gateway/media/probe_server.py",
    "gateway/media/uploads.py",
    "gateway/api/checks.py",
)
"""What looks at files that people send."""
ELSEWHERE = {*EVERYWHERE, *STORING, "empty-text"}
"""Declared of every route; of every route that keeps something; of texts."""


def raised(file: Path) -> set[str]:
    """The reasons that a module names: in ``HuashengError(…)``, also where it is one of two."""
    calls = (n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call) and n.args)
    reasons = (c.args[0] for c in calls if isinstance(c.func, ast.Name) and c.func.id == "HuashengError")
    return {
        n.value
        for reason in reasons
        if not isinstance(reason, ast.Subscript)
        for n in ast.walk(reason)
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }


def test_the_list_has_every_reason_that_reading_a_file_gives() -> None:
    found = set().union(*(raised(SERVICES / name) for name in READERS))
    assert {"foreign-format", "media-too-heavy", "silent-audio"} <= found, "the reasons are found"
    assert found - ELSEWHERE <= {*refusals.RECORDING}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, m, o) for path, calls in document()["paths"].items() for m, o in calls.items()]


UPLOADS = [(p, m) for p, m, o in operations() if "multipart/form-data" in o.get("requestBody", {}).get("content", {})]


@pytest.mark.parametrize(("path", "method"), UPLOADS)
def test_every_upload_declares_what_its_file_may_be_refused_for(path: str, method: str) -> None:
    speech = path not in ("/api/v1/assets", "/upload_file", "/api/v1/verify")
    assert set(refusals.RECORDING if speech else refusals.READING) <= declared(method, path)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/avatars", "asset_id"),
        ("/api/v1/trainings", "video_asset_id"),
        ("/api/v1/videos", "audio_asset_id"),
        ("/api/v1/dialogues", "audio_asset_id"),
    ],
)
def test_every_route_that_takes_an_asset_declares_what_it_may_be_refused_for(path: str, field: str) -> None:
    assert set(refusals.ASSETS[field]) <= declared("post", path)


def test_no_upload_is_missed() -> None:
    assert len(UPLOADS) == 6
