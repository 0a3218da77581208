"""``huasheng verify``: whether a file was made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huasheng.cli.exits import NOT_MADE_HERE
from huasheng.cli.files import PIPE, file_or_pipe, input_of
from huasheng.cli.progress import bytes_bar
from huasheng.cli.session import Session
from huasheng.verification import Verification


def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(callback=file_or_pipe, help="A film, sound or picture; - is stdin.")],
) -> None:
    """Tell whether a file was made by this installation, and what its marks say.

    Leaves with 0 if it was, with 9 if not. The file is not kept.
    """
    is_pipe = str(file) == PIPE
    with session.client() as hs, bytes_bar(session, "stdin" if is_pipe else file.name) as count:
        found = hs.verify(input_of(file), progress=count)
    session.show(_words(found), found)
    if not found.made_here:
        raise typer.Exit(NOT_MADE_HERE)


def _words(found: Verification) -> str:
    lines = [f"made here (evidence: {found.evidence})" if found.made_here else "not made here, as far as can be told"]
    if found.unchanged is not None:
        lines.append("unchanged since" if found.unchanged else "changed since")
    if made := found.made:
        lines.append(f"{made.kind} of {made.at:%Y-%m-%d %H:%M} UTC, engine {made.engine}")
        if made.job_id:
            lines.append(f"job {made.job_id}")
    if found.match:
        lines.append(f"{found.match.share:.0%} of its speech was found, at {found.match.speed:.2f} times the speed")
    if found.label:
        lines.append("label GB 45438-2025: " + ("ours" if found.label.is_ours else "another's"))
    if found.manifest:
        lines.append(f"C2PA manifest: {found.manifest.state}, by {found.manifest.signer or '?'}")
    return "\n".join(lines)
