"""``huasheng jobs``: what the server works at, or has made."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from huasheng._sync.client import Huasheng
from huasheng.cli import following
from huasheng.cli.commanding import command, with_session
from huasheng.cli.exits import UsageError
from huasheng.cli.files import Output, check_output, fetch
from huasheng.cli.progress import JobBar
from huasheng.cli.session import Session, print_json, words
from huasheng.jobs import Job

app = typer.Typer(help="List, follow, fetch and cancel jobs.", rich_markup_mode=None)
LOOK_S = 1.0
Id = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]


class Kind(StrEnum):
    """Kinds of jobs."""

    DIALOGUE = "dialogue"
    DUBBING = "dubbing"
    VIDEO = "video"
    AVATAR = "avatar"
    TRAINING = "training"


class State(StrEnum):
    """States of jobs."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ACTIVE = "active"


def show_started(session: Session, job: Job[Any]) -> None:
    """A job that is left running."""
    session.show(job.id, job)


def jobs(
    session: Session,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only these.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only these; active: queued and running.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the newest first.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", help="Show the active ones until none is left.")] = False,
) -> None:
    """List jobs, the newest first."""
    with session.client() as hs:
        if watch:
            _watch(session, hs, kind.value if kind else None, limit)
            return
        found = hs.jobs.list(kind=kind.value if kind else None, state=state.value if state else None, limit=limit)
    session.show(table(found) if found else "no jobs", [j.model_dump(mode="json") for j in found])


def _watch(session: Session, hs: Huasheng, kind: Any, limit: int) -> None:
    """Look again and again; with ``--json`` one line for each change of a job."""
    seen: dict[str, Job[Any]] = {}
    with Live(console=session.console, auto_refresh=False, transient=True) as screen:
        while True:
            active = hs.jobs.list(kind=kind, state="active", limit=limit)
            left = [hs.jobs.get(i) for i, job in seen.items() if not job.is_over and i not in {j.id for j in active}]
            for job in active + left:
                if session.is_json and seen.get(job.id) != job:
                    print_json(job)
                elif job.is_over:
                    session.show(table([job], has_head=False), job)
                seen[job.id] = job
            if not active:
                break
            if session.has_bars and not session.is_json:
                screen.update(table(active), refresh=True)
            time.sleep(LOOK_S)
    if not seen:
        session.note("no active jobs")


def get(
    session: Session,
    job: Id,
    output: Output = None,
    watch: Annotated[bool, typer.Option("--watch", help="Wait until it is over; Ctrl-C leaves it running.")] = False,
) -> None:
    """Show a job; with -o save the video it made."""
    check_output(session, output, ".mp4", ".webm", ".mov")
    with session.client() as hs:
        found = hs.jobs.get(job)
        if watch and not found.is_over:
            with JobBar(session, found.kind) as bar:
                found = hs.jobs.wait(found, timeout=following.DAY_S, on_event=bar.on_event)
        if watch or output:
            if not found.is_over:
                raise UsageError(f"job {job} is not over yet: --watch waits for it")
            made = following.outcome(found)
            if output:
                if not (url := getattr(made, "video_url", None)):
                    raise UsageError(f"job {job} is of kind {found.kind}: it has no video")
                fetch(session, hs, url, output)
    session.show(table([found]), found)


def cancel(session: Session, job: Id) -> None:
    """Cancel a job; harmless when it is over."""
    with session.client() as hs:
        found = hs.jobs.cancel(job)
    session.show(table([found], has_head=False), found)


def table(found: list[Job[Any]], *, has_head: bool = True) -> Table:
    """One line each."""
    out = Table(box=None, show_header=has_head, pad_edge=False)
    for name in ("JOB", "KIND", "STATE", "STAGE", "PROGRESS", "MADE FROM"):
        out.add_column(name, overflow="fold" if name == "MADE FROM" else "ellipsis", no_wrap=name != "MADE FROM")
    for job in found:
        what = (
            words(job.error) if job.error else str(job.name or job.params.get("text") or job.params.get("name") or "")
        )
        out.add_row(job.id, job.kind, job.state, job.stage, f"{job.progress:.0%}", Text(what.replace("\n", " ")[:200]))
    return out


app.callback(invoke_without_command=True)(with_session(jobs, is_group=True))
command(app, "get")(get)
command(app, "cancel")(cancel)
