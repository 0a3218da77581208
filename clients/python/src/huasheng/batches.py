"""What the gateway tells about batches, tags and storage, field by field as in its OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from huasheng._answer import Answer, Problem

Cell = str | int | float | bool | None
"""A value of a row."""


class RowProblem(Answer):
    """What is wrong with a row; ``row`` from 1, 0: with all rows."""

    row: int
    field: str
    message: str


class CheckedRow(Answer):
    """A row as it would be started."""

    number: int
    name: str
    cells: dict[str, Cell]
    request: dict[str, Any]


class BatchCheck(Answer):
    """What a batch would make, and what is wrong with it."""

    columns: list[str]
    rows: list[CheckedRow]
    errors: list[RowProblem]


class Batch(Answer):
    """A batch. ``state``: ``running``, ``succeeded``, ``failed`` (at least one row), ``cancelled``; ``counts``: rows by
    state; ``held_by``: why no row can be started now."""

    id: str
    name: str
    state: str
    counts: dict[str, int]
    total: int
    held_by: Problem | None
    created_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state != "running"


class BatchRow(Answer):
    """A row and what has become of it. ``state``: ``waiting``, a job's state, or ``deleted``."""

    number: int
    name: str
    cells: dict[str, Cell]
    state: str
    progress: float
    job_id: str | None
    error: Problem | None
    duration_s: float | None
    video_url: str | None


class BatchDetail(Batch):
    """A batch with its rows."""

    template: dict[str, Any]
    columns: list[str]
    rows: list[BatchRow]


class TagUse(Answer):
    """A tag and how many videos have it."""

    tag: str
    videos: int


class BulkFailure(Answer):
    """One that was not deleted, and why."""

    id: str
    problem: Problem


class BulkAnswer(Answer):
    """Which videos were deleted, and which not."""

    done: list[str]
    failed: list[BulkFailure]


class StoredKind(Answer):
    """How much is stored of a kind: ``upload``, or what jobs of a kind made."""

    kind: str
    bytes: int
    things: int


class StorageUse(Answer):
    """What is stored, in bytes; ``limit_bytes`` None: no limit."""

    items: list[StoredKind]
    total_bytes: int
    limit_bytes: int | None
