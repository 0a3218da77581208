"""``huasheng avatars``: prepared people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from huasheng.cli import following, options
from huasheng.cli.commanding import command, with_session
from huasheng.cli.commands.jobs import show_started
from huasheng.cli.files import file_or_pipe, upload
from huasheng.cli.session import Session
from huasheng.jobs import AvatarResult, Job
from huasheng.models import Avatar

app = typer.Typer(help="List, add and delete avatars.", rich_markup_mode=None)


def avatars(session: Session) -> None:
    """List the avatars, the built-in one first."""
    with session.client() as hs:
        found = hs.avatars.list()
    session.show(_table(found), [a.model_dump(mode="json") for a in found])


def add(
    session: Session,
    file: Annotated[Path, typer.Argument(callback=file_or_pipe, help="A film or a portrait; - is stdin.")],
    name: Annotated[str | None, typer.Option("--name", help="Else that of the file.")] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="Engine that prepares it.")] = None,
    voice: Annotated[str | None, typer.Option("--voice", help="Voice it speaks with where none is named.")] = None,
    consent: options.Consent = None,
    consent_challenge: options.Challenge = None,
    consent_clip: options.Clip = None,
    detach: options.Detach = False,
) -> None:
    """Prepare a person from a film or a portrait. Ctrl-C cancels it on the server."""
    with session.client() as hs:
        stated = options.consent_of(session, hs, consent, consent_challenge, consent_clip)
        asset = upload(session, hs, file)

        def start() -> Job[AvatarResult]:
            title = name or Path(asset.name).stem
            return hs.avatars.create(asset_id=asset.id, name=title, engine=engine, consent=stated)

        if detach:
            show_started(session, following.started(start, hs, session))
            return
        job, made = following.result(session, hs, start, "avatar")
        avatar = hs.avatars.set_voice(made.avatar_id, voice) if voice else hs.avatars.get(made.avatar_id)
    for warning in made.report.warnings:
        session.note(f"warning: {warning}")
    session.show(_table([avatar]), {"job_id": job.id, **made.model_dump(mode="json"), "avatar": avatar})


def delete(session: Session, avatar: Annotated[str, typer.Argument(metavar="AVATAR", help="Id of it.")]) -> None:
    """Delete an avatar that you made, with its models."""
    with session.client() as hs:
        hs.avatars.delete(avatar)
    session.show(f"avatar {avatar} is deleted", {"deleted": avatar})


def challenge(session: Session) -> None:
    """Get a number to be said in a consent clip; good once and for ten minutes."""
    with session.client() as hs:
        made = hs.consents.challenge()
    session.show(f"{made.sentence}\n--consent-challenge {made.id}", made)


def _table(found: list[Avatar]) -> Table:
    out = Table("AVATAR", "NAME", "ENGINE", "SIZE", "VOICE", box=None, pad_edge=False)
    for a in found:
        out.add_row(a.avatar_id, a.name, a.engine, f"{a.width}×{a.height}", a.voice_id or "")
    return out


app.callback(invoke_without_command=True)(with_session(avatars, is_group=True))
command(app, "list")(avatars)
command(app, "add")(add)
command(app, "delete")(delete)
command(app, "challenge")(challenge)
