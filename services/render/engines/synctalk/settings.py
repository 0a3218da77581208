"""Settings of the ``synctalk`` engine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROGRAMS = ("main.py", "data_utils/process.py")


class Settings(BaseSettings):
    """Where SyncTalk is, and how long its programs may take."""

    model_config = SettingsConfigDict(env_prefix="RENDER_SYNCTALK_", extra="ignore")
    refused_as_default: ClassVar[str] = "it draws no picture before training"

    dir: Path | None = None
    """Folder of your SyncTalk checkout (see docs/synctalk.md); non-commercial use only."""
    python: str = Field(default="", validate_default=True)
    """Python program of SyncTalk's own environment; it never shares ours."""
    gpu: str = Field(default="", pattern=r"^(\d{1,2})?$")
    """Number of the GPU for it (``CUDA_VISIBLE_DEVICES``); empty leaves that as it is."""
    preload: int = Field(default=0, ge=0, le=2)
    """While training, pictures come from 0 the disk, 1 memory, 2 the GPU's memory: each quicker and larger."""
    max_video_s: float = Field(default=300, ge=10, le=1200)
    """Seconds of a person's video that are used for it."""
    segment_s: float = Field(default=60, ge=1, le=600)
    """Longest stretch drawn in one go; all of its pictures are held in memory, at the end twice (50 MB a second)."""
    render_s: float = Field(default=3600, gt=0, le=86_400)
    """Deadline of one such stretch."""
    prepare_s: float = Field(default=14_400, gt=0, le=86_400)
    """Deadline of one of the ten steps of preparing a person."""
    train_s: float = Field(default=172_800, gt=0, le=864_000)
    """Deadline of each of the two runs of a training."""
    quiet_s: float = Field(default=3600, gt=0, le=86_400)
    """Silence after which one of its programs is taken for hung; steps of the preparation print nothing for long."""

    @field_validator("dir")
    @classmethod
    def _is_checkout(cls, value: Path | None) -> Path | None:
        if value is not None and (lacking := [p for p in PROGRAMS if not (value / p).is_file()]):
            raise ValueError(f"{value} is no SyncTalk checkout: it has no {lacking[0]}")
        return value

    @field_validator("python")
    @classmethod
    def _is_python(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("dir") is not None and (problem := _python_problem(value)):
            raise ValueError(problem)
        return value


def _python_problem(program: str) -> str:
    """Why a program cannot be SyncTalk's Python, "" when it may be one."""
    found = shutil.which(program) if program else None
    if not found:
        why = f"{program} is no program" if program else "it is not set"
        return f"{why}; set it to the Python of SyncTalk's own environment"
    if not shutil.which("python", path=str(Path(found).parent)):
        return f"SyncTalk also calls python, which is not in the folder of {program}"
    return ""
