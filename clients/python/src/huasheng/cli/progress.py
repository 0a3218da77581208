"""Bars on the terminal, for uploads, downloads and jobs; silent in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from huasheng import events
from huasheng._files import OnBytes
from huasheng.cli.session import Session
from huasheng.events import Event


@contextmanager
def bytes_bar(session: Session, name: str) -> Iterator[OnBytes | None]:
    """Counts bytes."""
    if not session.has_bars:
        yield None
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=session.console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class JobBar:
    """How far a job is."""

    def __init__(self, session: Session, title: str) -> None:
        self._session, self._title = session, title
        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}", markup=False))
        self._bar = Progress(*columns, console=session.console, transient=True, disable=not session.has_bars)
        self._task = self._bar.add_task(title, total=1.0, left="")

    def __enter__(self) -> JobBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Show what happened."""
        match event:
            case events.Snapshot():
                self._show(event.job.stage, event.job.progress, event.job.eta_s, event.job.queue_position)
            case events.Progress():
                self._show(event.stage, event.progress, event.eta_s, event.queue_position)
            case events.EngineFallback():
                self._session.note(f"{event.service}: {event.used} in place of {event.wanted} ({event.reason})")
            case events.Training() if event.loss is not None:
                self._bar.update(self._task, left=f"step {event.step} of {event.steps}, loss {event.loss:.3f}")
            case events.Reconnecting() | events.Polling():
                self._session.note(f"the stream of events broke off ({event.why}); going on")
            case _:
                pass

    def _show(self, stage: str, progress: float, eta_s: float | None, place: int | None) -> None:
        queued = f"place {place} in the queue" if place else ""
        left = f"{eta_s:.0f} s left" if eta_s is not None else queued
        self._bar.update(self._task, description=f"{self._title} {stage}", completed=progress, left=left)
