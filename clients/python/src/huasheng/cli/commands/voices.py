"""``huasheng voices``: who can speak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from huasheng.cli.commanding import command, with_session
from huasheng.cli.files import PIPE, file_or_pipe, input_of
from huasheng.cli.options import Stated
from huasheng.cli.progress import bytes_bar
from huasheng.cli.session import Session
from huasheng.models import Voice

app = typer.Typer(help="List, add and delete voices.", rich_markup_mode=None)


def voices(
    session: Session,
    language: Annotated[str | None, typer.Option("--language", help="Only those of zh, en-US, ….")] = None,
) -> None:
    """List the voices."""
    with session.client() as hs:
        overview = hs.voices.overview()
    found = [v for v in overview.items if not language or v.language.lower().startswith(language.lower())]
    if overview.cloning_problem:
        session.note(f"voices cannot be added here: {overview.cloning_problem.detail}")
    session.show(_table(found), [v.model_dump(mode="json") for v in found])


def add(
    session: Session,
    file: Annotated[Path, typer.Argument(callback=file_or_pipe, help="3 to 10 s of clean speech.")],
    name: Annotated[str, typer.Option("--name", help="Of the voice.")],
    consent_text: Annotated[
        str, typer.Option("--consent-text", help="The statement of the voice's owner, in words; it is recorded.")
    ],
    consent_by: Annotated[str, typer.Option("--consent-by", help="Who gives it.")],
    consent: Annotated[
        Stated | None, typer.Option("--consent", help="What kind of statement; needed where people sign in.")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="That is spoken.")] = None,
    transcript: Annotated[str | None, typer.Option("--transcript", help="What is said; else recognised.")] = None,
    weights: Annotated[str | None, typer.Option("--weights", help="Of the cloning engine.")] = None,
) -> None:
    """Clone a voice from a recording of its owner, who agrees."""
    is_pipe = str(file) == PIPE
    with session.client() as hs, bytes_bar(session, "stdin" if is_pipe else file.name) as count:
        made = hs.voices.create(
            input_of(file),
            name=name,
            consent=consent_text,
            consent_by=consent_by,
            consent_statement=consent.value if consent else None,
            language=language,
            transcript=transcript,
            weights=weights,
            progress=count,
        )
    session.show(_table([made]), made)


def delete(session: Session, voice: Annotated[str, typer.Argument(metavar="VOICE", help="Id of it.")]) -> None:
    """Delete a cloned voice, with its recordings."""
    with session.client() as hs:
        hs.voices.delete(voice)
    session.show(f"voice {voice} is deleted", {"deleted": voice})


def _table(found: list[Voice]) -> Table:
    out = Table("VOICE", "NAME", "LANGUAGE", "GENDER", "ENGINE", "", box=None, pad_edge=False)
    for v in found:
        out.add_row(v.voice_id, v.name, v.language, v.gender, v.engine, "cloned" if v.is_cloned else "")
    return out


app.callback(invoke_without_command=True)(with_session(voices, is_group=True))
command(app, "list")(voices)
command(app, "add")(add)
command(app, "delete")(delete)
