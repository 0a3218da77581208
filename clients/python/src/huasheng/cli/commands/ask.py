"""``huasheng ask``: a question, answered in words and as a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huasheng.cli import following, options
from huasheng.cli.commands.jobs import show_started
from huasheng.cli.exits import UsageError
from huasheng.cli.files import Output, asset_of, check_output, fetch, text_of
from huasheng.cli.session import Session
from huasheng.jobs import DialogueResult, Job


def ask(
    session: Session,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The question; - or nothing: stdin.")] = None,
    recording: options.Recording = None,
    output: Output = None,
    avatar: options.Avatar = None,
    model: options.Model = None,
    voice: options.Voice = None,
    language: options.SpokenLanguage = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="Go on with this conversation (its id is in --json).")
    ] = None,
    persona: Annotated[str | None, typer.Option("--persona", help="Who the avatar is, for a language model.")] = None,
    speed: options.Speed = None,
    seed: options.Seed = None,
    engine: options.Engine = None,
    asr: options.Asr = None,
    llm: options.Llm = None,
    tts: options.Tts = None,
    fallback: options.Fallback = True,
    detach: options.Detach = False,
) -> None:
    """Ask a question, typed or recorded: prints the answer, and saves its video with -o FILE.mp4.

    Ctrl-C cancels it on the server.
    """
    check_output(session, output, ".mp4")
    question = said_or_recorded(text, recording)
    with session.client() as hs:
        asset = asset_of(session, hs)(recording) if recording else None

        def start() -> Job[DialogueResult]:
            return hs.dialogues.create(
                text=question,
                audio_asset_id=asset,
                avatar_id=avatar,
                model=model,
                voice_id=voice,
                language=language,
                conversation_id=conversation,
                persona=persona,
                synthesis=options.synthesis(speed, seed),
                engine=engine,
                engines=options.engines(asr, llm, tts),
                fallback=fallback,
            )

        if detach:
            show_started(session, following.started(start, hs, session))
            return
        job, made = following.result(session, hs, start, "answer")
        session.note_changes(made.fallbacks, made.warnings)
        if output:
            fetch(session, hs, made.video_url, output)
    heard = f"? {made.transcript}\n" if recording else ""
    session.show(f"{heard}{made.reply}", {"job_id": job.id, "file": output, **made.model_dump(mode="json")})


def said_or_recorded(text: str | None, recording: Path | None) -> str | None:
    """The text, or None where a recording is given instead. Raises ``UsageError`` for both."""
    if recording is None:
        return text_of(text)
    if text is not None:
        raise UsageError("give TEXT or --recording, not both")
    return None
