"""``huasheng train``: a model of one person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huasheng.cli import following, options
from huasheng.cli.commands.jobs import show_started
from huasheng.cli.files import upload
from huasheng.cli.session import Session
from huasheng.jobs import Job, TrainingResult


def train(
    session: Session,
    film: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="15 to 60 s of one person talking.")],
    name: Annotated[str | None, typer.Option("--name", help="Of the model; else that of the file.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=100, max=100_000, help="The engine's own number if left out.")
    ] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="Engine that is trained.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="What trains.")] = None,
    consent: options.Consent = None,
    consent_challenge: options.Challenge = None,
    consent_clip: options.Clip = None,
    detach: options.Detach = False,
) -> None:
    """Train a model on a film of one person talking.

    Ctrl-C cancels it on the server; the same film, name and steps again go on from the last checkpoint.
    """
    with session.client() as hs:
        stated = options.consent_of(session, hs, consent, consent_challenge, consent_clip)
        asset = upload(session, hs, film)

        def start() -> Job[TrainingResult]:
            return hs.trainings.create(
                video_asset_id=asset.id, name=name, steps=steps, engine=engine, device=device, consent=stated
            )

        if detach:
            show_started(session, following.started(start, hs, session))
            return
        job, made = following.result(session, hs, start, "training")
    for warning in made.warnings:
        session.note(f"warning: {warning}")
    before, after = (f.get("opening_corr") for f in (made.before, made.after))
    gain = f", mouth opening follows {before:.2f} → {after:.2f}" if before is not None and after is not None else ""
    session.show(f"model {made.model_id}{gain}", {"job_id": job.id, **made.model_dump(mode="json")})
