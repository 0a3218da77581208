"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from huasheng._sync.client import Huasheng
from huasheng.accounts import Statement
from huasheng.cli.exits import UsageError
from huasheng.cli.files import file_or_pipe, upload
from huasheng.cli.session import Session
from huasheng.requests import ConsentRequest, EngineChoice, Synthesis


class Stated(StrEnum):
    """What one states about the person in a file."""

    SELF = "self"
    WRITTEN = "written"
    MADE_UP = "made-up"


Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="What to say; - or nothing: stdin.")]
Recording = Annotated[
    Path | None,
    typer.Option("--recording", callback=file_or_pipe, help="A recording; - is stdin."),
]
Avatar = Annotated[str | None, typer.Option("--avatar", help="Id of an avatar; `huasheng avatars` lists them.")]
Model = Annotated[str | None, typer.Option("--model", help="Id of a trained model.")]
Voice = Annotated[str | None, typer.Option("--voice", help="Id of a voice; `huasheng voices` lists them.")]
SpokenLanguage = Annotated[str | None, typer.Option("--language", help="Language that is spoken, as in zh or en-US.")]
Speed = Annotated[float | None, typer.Option("--speed", min=0.5, max=2.0, help="1 is the voice's own speed.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=-1, help="For voices that follow one; -1: a new one each time.")
]
Engine = Annotated[str | None, typer.Option("--engine", help="Engine that draws.")]
Asr = Annotated[str | None, typer.Option("--asr", help="Recogniser that is asked first.")]
Llm = Annotated[str | None, typer.Option("--llm", help="Language-model engine that is asked first.")]
Tts = Annotated[str | None, typer.Option("--tts", help="Speech engine that is asked first.")]
Fallback = Annotated[
    bool, typer.Option("--fallback/--no-fallback", help="Whether another engine may do what the wanted one cannot.")
]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait: print the job's id and leave it running.")]
Consent = Annotated[
    Stated | None,
    typer.Option("--consent", help="It shows yourself; you have written consent; or it is nobody living."),
]
Challenge = Annotated[
    str | None, typer.Option("--consent-challenge", help="Id from `huasheng avatars challenge`, for a consent clip.")
]
Clip = Annotated[
    Path | None,
    typer.Option("--consent-clip", exists=True, dir_okay=False, help="Film in which the person says the number."),
]


def synthesis(speed: float | None, seed: int | None) -> Synthesis | None:
    """How to speak; None as the voice does."""
    out: Synthesis = {}
    if speed is not None:
        out["speed"] = speed
    if seed is not None:
        out["seed"] = seed
    return out or None


def engines(asr: str | None, llm: str | None, tts: str | None) -> EngineChoice | None:
    """Those that are asked first; None as the operator has it."""
    out: EngineChoice = {}
    if asr:
        out["asr"] = asr
    if llm:
        out["llm"] = llm
    if tts:
        out["tts"] = tts
    return out or None


def by_service(asr: str | None, llm: str | None, tts: str | None) -> dict[str, str]:
    """The same for a live conversation; empty as the operator has it."""
    return {name: engine for name, engine in (("asr", asr), ("llm", llm), ("tts", tts)) if engine}


def consent_of(
    session: Session, hs: Huasheng, consent: Stated | None, challenge: str | None, clip: Path | None
) -> Statement | ConsentRequest | None:
    """What is stated; the film is uploaded. Raises ``UsageError``."""
    if (challenge is None) != (clip is None) or (clip and not consent):
        raise UsageError("a consent clip takes all three: --consent, --consent-challenge and --consent-clip")
    if consent is None:
        return None
    if challenge is None or clip is None:
        return consent.value
    return {"statement": consent.value, "challenge_id": challenge, "clip_asset_id": upload(session, hs, clip).id}
