"""``huasheng scenes``: a video of several scenes, from a file."""

from __future__ import annotations

import inspect
import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from huasheng._sync.client import Huasheng
from huasheng._sync.work import Videos
from huasheng.cli import options
from huasheng.cli.commands.video import check_target, make
from huasheng.cli.exits import UsageError
from huasheng.cli.files import PIPE, Output, asset_of, file_or_pipe
from huasheng.cli.session import Session
from huasheng.cli.studio import Upload, format_of
from huasheng.jobs import Job, VideoResult

FIELDS = frozenset(inspect.signature(Videos.create).parameters) - {"self", "idempotency_key"}


def scenes(
    session: Session,
    file: Annotated[Path, typer.Argument(callback=file_or_pipe, help="JSON or TOML; - is JSON on stdin.")],
    output: Output = None,
    from_job: Annotated[
        str | None, typer.Option("--from-job", help="A video before: scenes that are the same are taken from it.")
    ] = None,
    detach: options.Detach = False,
) -> None:
    """Make a video of scenes: FILE is what POST /videos takes, or only its list of scenes.

    In place of the id of an upload it may name a file: `audio_file` for `audio_asset_id`, `file` for `asset_id`, and
    so on, from the folder that FILE is in. Ctrl-C cancels it on the server.
    """
    body = read(file)
    wanted = body.get("subtitles")
    has_files = wanted is True or bool(isinstance(wanted, dict) and wanted.get("files"))
    check_target(session, output, detach, has_files=has_files)
    named = format_of(output, None, None, None, None, None, None)
    if named:
        body["format"] = {**named, **(body.get("format") or {})}
    if from_job:
        body["from_job_id"] = from_job
    folder = Path() if str(file) == PIPE else file.parent
    check_files(body, folder)
    with session.client() as hs:
        whole = with_uploads(body, folder, asset_of(session, hs))
        make(session, hs, lambda: _start(hs, whole), output, detach)


def _start(hs: Huasheng, body: dict[str, Any]) -> Job[VideoResult]:
    return hs.videos.create(**body)


def read(file: Path) -> dict[str, Any]:
    """A request. Raises ``UsageError``."""
    data = sys.stdin.buffer.read() if str(file) == PIPE else file.read_bytes()
    try:
        is_toml = file.suffix.lower() == ".toml"
        body = tomllib.loads(data.decode("utf-8-sig")) if is_toml else json.loads(data)
    except ValueError as e:  # both parsers' errors, and bytes that are no UTF-8
        raise UsageError(f"{file}: {e}") from None
    if isinstance(body, list):
        body = {"scenes": body}
    if not isinstance(body, dict) or not isinstance(body.get("scenes"), list):
        raise UsageError(f"{file}: there is no list of scenes in it")
    if unknown := sorted(name for name in body if asset_name(name) not in FIELDS):
        raise UsageError(f"{file}: {unknown[0]} is not known; known are {', '.join(sorted(FIELDS))}")
    return body


def asset_name(name: str) -> str:
    """The field that holds the id of an upload, for one that names a file; other names as they are."""
    return "asset_id" if name == "file" else f"{name[:-5]}_asset_id" if name.endswith("_file") else name


def check_files(node: Any, folder: Path) -> None:
    """That all files are there, before the first is sent. Raises ``UsageError``."""
    if isinstance(node, dict):
        for name, value in node.items():
            if asset_name(name) != name and not (isinstance(value, str) and (folder / value).is_file()):
                raise UsageError(f"{name}: {value} is not a file")
            check_files(value, folder)
    elif isinstance(node, list):
        for value in node:
            check_files(value, folder)


def with_uploads(node: Any, folder: Path, upload: Upload) -> Any:
    """The same with files uploaded, and their ids in their place."""
    if isinstance(node, dict):
        return {
            asset_name(name): upload(folder / value)
            if asset_name(name) != name
            else with_uploads(value, folder, upload)
            for name, value in node.items()
        }
    return [with_uploads(value, folder, upload) for value in node] if isinstance(node, list) else node
