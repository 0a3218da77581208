"""Batches: many videos from one template."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.common.errors import HuashengError, problem
from services.gateway.accounts import acts
from services.gateway.api import batch_schemas as b
from services.gateway.api import schemas
from services.gateway.api.deps import Before, Context, Key, Lang, Limit, Owner, get_principal
from services.gateway.api.gallery import video_keys, zip_of
from services.gateway.api.job_answers import kept_error, once
from services.gateway.api.jobs import FORGOTTEN
from services.gateway.api.lists import listed
from services.gateway.api.problems import ACCEPTED, answer, responses, viewer_language
from services.gateway.batches.checking import Checked, check
from services.gateway.batches.reading import RowError, UnreadableError, checked_rows, rows_of_csv, rows_of_jsonl
from services.gateway.batches.report import report
from services.gateway.batches.template import Cell
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso
from services.gateway.media.zipping import file_stem
from services.gateway.store.batches import shown_state
from services.gateway.store.db import Row
from services.gateway.store.idempotency import request_hash
from services.gateway.store.jobs import ACTIVE

router = APIRouter(prefix="/api/v1", tags=["videos"])
SHOWN_ERRORS = 5
"""Named in the text of the refusal; all are in its ``errors``."""


@router.post("/batches/check", response_model=b.BatchCheck, responses=responses("service-down"))
async def check_batch(gateway: Context, owner: Owner, lang: Lang, body: b.BatchRequest) -> Any:
    """What a batch would make, row by row, and what is wrong with it; nothing is started."""
    try:
        rows = _rows(body)
    except UnreadableError as e:
        return b.BatchCheck(columns=[], rows=[], errors=[_problem(e.error(lang))])
    found = await _checked(gateway, owner, body, rows, lang)
    shown = [
        b.CheckedRow(number=n, **row, request=request)
        for n, (row, request) in enumerate(zip(found.rows, found.requests, strict=True), 1)
    ]
    return b.BatchCheck(columns=list(rows[0]), rows=shown, errors=[_problem(e) for e in found.errors])


@router.post(
    "/batches",
    status_code=202,
    response_model=b.Batch,
    responses=ACCEPTED | responses("batch-invalid", "batches-full", "quota-minutes", "quota-storage"),
)
async def start_batch(
    request: Request, gateway: Context, owner: Owner, lang: Lang, body: b.BatchRequest, key: Key = None
) -> Response:
    """Make many videos. All rows are checked first: one that is wrong refuses the batch, and names its row and field.

    The videos are made as places come free; each is a job of its own, with the batch in its `params.batch_id`.
    """
    who = get_principal(request)
    try:
        rows = _rows(body)
        found = await _checked(gateway, owner, body, rows, lang)
    except UnreadableError as e:
        found = Checked(errors=[e.error(lang)])
    if found.errors:
        return _refused(request, found.errors)

    async def create(batch_id: str) -> tuple[int, dict[str, Any]]:
        await asyncio.to_thread(gateway.accounts.quotas.check_made, who)
        await asyncio.to_thread(gateway.accounts.quotas.check_stored, who)
        batch = {
            "id": batch_id,
            "owner": owner,
            "name": body.name,
            "template": body.template,
            "user_id": who.user_id,
            "key_id": who.key_id,
            "viewer_language": viewer_language(request),
        }
        row = await asyncio.to_thread(gateway.batches.create, batch, found.rows)
        return 202, _batch(row, {"waiting": len(found.rows)}, lang).model_dump()

    digest = request_hash("batches", body.model_dump())
    made = await once(gateway, owner, key, digest=digest, letter="b", create=create)
    return made


def _rows(body: b.BatchRequest) -> list[dict[str, Cell]]:
    if body.csv is not None:
        return rows_of_csv(body.csv)
    return rows_of_jsonl(body.jsonl) if body.jsonl is not None else checked_rows(body.rows or [])


async def _checked(
    gateway: Gateway, owner: str, body: b.BatchRequest, rows: list[dict[str, Cell]], lang: str
) -> Checked:
    return await check(
        gateway, owner, template=body.template, video_name=body.video_name, batch=body.name, rows=rows, lang=lang
    )


def _problem(error: RowError) -> b.RowProblem:
    return b.RowProblem(row=error.row, field=error.field, message=error.message)


def _refused(request: Request, errors: list[RowError]) -> Response:
    said = "; ".join(f"{e.row or '*'} {e.field}: {e.message}" for e in errors[:SHOWN_ERRORS])
    return answer(
        request,
        HuashengError("batch-invalid", count=len(errors), what=said[:500]),
        errors=[_problem(e).model_dump() for e in errors],
    )


@router.get("/batches", response_model=schemas.Items[b.Batch])
async def batches(gateway: Context, owner: Owner, lang: Lang, limit: Limit = 50, before: Before = None) -> Any:
    """Your batches, the newest first."""
    rows = await asyncio.to_thread(gateway.batches.search, owner, limit, before)
    counts = await asyncio.to_thread(gateway.batches.counts, [r["id"] for r in rows])
    return schemas.Items(items=listed(rows, lambda r: _batch(r, counts.get(r["id"], {}), lang)))


@router.get("/batches/{batch_id}", response_model=b.BatchDetail, responses=responses("unknown-id"))
async def batch(gateway: Context, owner: Owner, lang: Lang, batch_id: str) -> Any:
    """One batch with its rows."""
    return await _detail(gateway, owner, batch_id, lang)


@router.post("/batches/{batch_id}/retry", response_model=b.BatchDetail, responses=responses("unknown-id"))
async def retry(gateway: Context, owner: Owner, lang: Lang, batch_id: str) -> Any:
    """Make the videos of failed rows again; the others stay as they are."""
    await asyncio.to_thread(gateway.batches.retry, owner, batch_id)
    return await _detail(gateway, owner, batch_id, lang)


@router.delete(
    "/batches/{batch_id}",
    response_model=b.BatchDetail,
    responses=FORGOTTEN | responses("unknown-id", "in-use"),
)
async def cancel(gateway: Context, owner: Owner, lang: Lang, batch_id: str, forget: bool = False) -> Any:
    """Cancel all rows that are not over; with `forget=true` remove a batch that is over. Its videos stay."""
    if forget:
        await asyncio.to_thread(gateway.batches.forget, owner, batch_id)
        acts.note(f"{batch_id} forgotten")
        return Response(status_code=204)
    jobs = await asyncio.to_thread(gateway.batches.cancel, owner, batch_id)
    await asyncio.gather(*(gateway.runner.cancel(owner, job_id) for job_id in jobs))
    return await _detail(gateway, owner, batch_id, lang)


@router.get(
    "/batches/{batch_id}/zip",
    response_class=Response,
    responses=responses("unknown-id") | {200: {"content": {"application/zip": {}}, "description": "the videos"}},
)
async def batch_zip(gateway: Context, owner: Owner, batch_id: str) -> Response:
    """The videos that are ready, with their subtitles, named as the rows are."""
    row = await asyncio.to_thread(gateway.batches.get, owner, batch_id)
    rows = await asyncio.to_thread(gateway.batches.rows, batch_id)
    ready = [r for r in rows if r["job"] and r["job"]["state"] == "succeeded"]
    missing = [f"{r['number']} {r['name']}: {_state(r)}" for r in rows if r not in ready]
    return zip_of(gateway, _files(ready), missing, f"{row['id']}.zip")


def _files(rows: list[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        stem = file_stem(row["name"], 80) or f"{row['number']:03}"
        for key in video_keys(row["job"]):
            yield stem + PurePosixPath(key).suffix, key


@router.get(
    "/batches/{batch_id}/report.csv",
    response_class=Response,
    responses=responses("unknown-id") | {200: {"content": {"text/csv": {}}, "description": "CSV"}},
)
async def batch_report(gateway: Context, owner: Owner, lang: Lang, batch_id: str) -> Response:
    """What became of each row, as CSV. Cells that a spreadsheet would run as formulas have a quote before them."""
    found = await _detail(gateway, owner, batch_id, lang)
    head = ["number", "name", "state", "job_id", "duration_s", "reason", "error", *found.columns]
    lines = [
        [r.number, r.name, r.state, r.job_id, r.duration_s]
        + ([r.error.reason, r.error.detail] if r.error else ["", ""])
        + [r.cells.get(c) for c in found.columns]
        for r in found.rows
    ]
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.csv"', "Cache-Control": "no-store"}
    return Response(report(head, lines), media_type="text/csv; charset=utf-8", headers=headers)


async def _detail(gateway: Gateway, owner: str, batch_id: str, lang: str) -> b.BatchDetail:
    row = await asyncio.to_thread(gateway.batches.get, owner, batch_id)
    rows = await asyncio.to_thread(gateway.batches.rows, batch_id)
    counts: dict[str, int] = {}
    for r in rows:
        counts[_state(r)] = counts.get(_state(r), 0) + 1
    shown = listed(rows, lambda r: _row(gateway, r, lang))
    columns = list(rows[0]["cells"]) if rows else []
    head = _batch(row, counts, lang)
    return b.BatchDetail(**vars(head), template=row["template"], columns=columns, rows=shown)


def _state(row: Row) -> b.RowState:
    found: b.RowState = shown_state(row["state"], row["job"]["state"] if row["job"] else None)  # type: ignore[assignment]
    return found


def _row(gateway: Gateway, row: Row, lang: str) -> b.BatchRow:
    job, state = row["job"] or {}, _state(row)
    run = gateway.runner.running.get(row["job_id"] or "")
    result = job.get("result") or {}
    error = kept_error(job if job.get("error") else row)
    progress = run.progress if run else job.get("progress", 0.0)
    return b.BatchRow(
        number=row["number"],
        name=row["name"],
        cells=row["cells"],
        state=state,
        progress=round(progress, 3),
        job_id=row["job_id"] if job else None,
        error=schemas.Problem.model_validate(problem(error, lang, "")) if error else None,
        duration_s=result.get("duration_s"),
        video_url=gateway.signer.media(result["video_key"]) if result.get("video_key") else None,
    )


def _batch(row: Row, counts: dict[str, int], lang: str) -> b.Batch:
    is_open = any(counts.get(s) for s in ("waiting", *ACTIVE))
    ended = "failed" if counts.get("failed") else "cancelled" if counts.get("cancelled") else "succeeded"
    held = row["held_by"] if counts.get("waiting") else None
    error = kept_error({"error": held})
    return b.Batch(
        id=row["id"],
        name=row["name"],
        state="running" if is_open else ended,  # type: ignore[arg-type]
        counts=counts,
        total=sum(counts.values()),
        held_by=schemas.Problem.model_validate(problem(error, lang, "")) if error else None,
        created_at=iso(row["created_at"]),
    )
