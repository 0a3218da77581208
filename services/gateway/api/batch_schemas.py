"""Requests and answers of batches."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.gateway.api.requests import Body
from services.gateway.api.schemas import Problem
from services.gateway.batches.template import Cell

RowState = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled", "deleted"]


class BatchRequest(Body):
    """Many videos: a request of ``POST /videos`` in whose strings ``{{column}}`` stands for a cell, and the rows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "祝福",
                    "template": {"text": "{{name}}，新年快乐！", "avatar_id": "builtin"},
                    "rows": [{"name": "小王"}, {"name": "小李"}],
                    "video_name": "新年-{{name}}",
                }
            ]
        }
    )
    name: str = Field(default="", max_length=80)
    template: dict[str, Any]
    rows: list[dict[str, Cell]] | None = None
    csv: str | None = Field(default=None, max_length=1_000_000, description="a CSV text; the first line names columns")
    jsonl: str | None = Field(default=None, max_length=1_000_000, description="one JSON object a line")
    video_name: str = Field(default="", max_length=200, description="what each video and its files are called")

    @model_validator(mode="after")
    def _one_of(self) -> BatchRequest:
        if sum(given is not None for given in (self.rows, self.csv, self.jsonl)) != 1:
            raise ValueError("give one of rows, csv and jsonl")
        return self


class RowProblem(BaseModel):
    """What is wrong with a row; ``row`` from 1, 0: with all rows. ``field``: of the request or the table."""

    row: int
    field: str
    message: str


class CheckedRow(BaseModel):
    """A row as it would be started."""

    number: int
    name: str
    cells: dict[str, Cell]
    request: dict[str, Any]


class BatchCheck(BaseModel):
    """What a batch would make, and what is wrong with it."""

    columns: list[str]
    rows: list[CheckedRow]
    errors: list[RowProblem]


class Batch(BaseModel):
    """A batch; ``counts``: its rows by state. ``held_by``: why no row can be started now."""

    id: str
    name: str
    state: Literal["running", "succeeded", "failed", "cancelled"]
    counts: dict[str, int]
    total: int
    held_by: Problem | None
    created_at: str


class BatchRow(BaseModel):
    """A row and what has become of it. ``deleted``: its video is not there any more."""

    number: int
    name: str
    cells: dict[str, Cell]
    state: RowState
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
