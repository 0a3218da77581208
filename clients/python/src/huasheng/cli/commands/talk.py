"""``huasheng talk``: a live conversation."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Annotated

import typer

from huasheng._async.client import AsyncHuasheng
from huasheng.cli import exits, options, sound
from huasheng.cli.conversation import Conversation
from huasheng.cli.exits import UsageError
from huasheng.cli.session import Session


def talk(
    session: Session,
    avatar: options.Avatar = None,
    model: options.Model = None,
    voice: options.Voice = None,
    language: options.SpokenLanguage = None,
    conversation: Annotated[str | None, typer.Option("--conversation", help="Go on with this conversation.")] = None,
    persona: Annotated[str | None, typer.Option("--persona", help="Who the avatar is, for a language model.")] = None,
    patience: Annotated[
        float | None, typer.Option("--patience", min=0.5, max=3.0, help="Longer pauses before it answers.")
    ] = None,
    microphone: Annotated[
        bool | None, typer.Option("--microphone/--no-microphone", help="Speak too; else where it can be used.")
    ] = None,
    loudspeaker: Annotated[
        bool | None, typer.Option("--loudspeaker/--no-loudspeaker", help="Hear it; else where it can be used.")
    ] = None,
    asr: options.Asr = None,
    llm: options.Llm = None,
    tts: options.Tts = None,
    fallback: options.Fallback = True,
) -> None:
    """Talk with an avatar: type a line, or speak; the answer is printed, and heard.

    Ctrl-C stops the answer, twice leaves; so do /quit and the end of stdin. In a pipe each line of stdin is a question,
    which waits for the answer before. Microphone and loudspeaker need the package sounddevice; use headphones.
    """
    is_piped = not sys.stdin.isatty()
    hears, speaks = (_wants(session, is_piped, asked) for asked in (microphone, loudspeaker))
    package = sound.devices() if hears or speaks else None
    found = session.login()

    async def converse() -> int:
        async with contextlib.AsyncExitStack() as stack:
            hs = await stack.enter_async_context(
                AsyncHuasheng(found.url, api_key=found.api_key, language=session.language)
            )
            mic = stack.enter_context(sound.Microphone(package)) if hears else None
            speaker = stack.enter_context(sound.Loudspeaker(package)) if speaks else None
            live = await stack.enter_async_context(
                hs.live.connect(
                    avatar_id=avatar,
                    model=model,
                    voice_id=voice,
                    language=language,
                    conversation_id=conversation,
                    persona=persona,
                    patience=patience,
                    listening="auto" if mic else "off",
                    engines=options.by_service(asr, llm, tts),
                    fallback=fallback,
                    playback="own" if speaker else "instant" if is_piped else "real-time",
                )
            )
            return await Conversation(session, live, is_piped=is_piped, speaker=speaker).run(mic)

    try:
        code = asyncio.run(converse())
    except sound.SoundError as e:
        raise UsageError(str(e)) from None
    if code != exits.OK:
        raise typer.Exit(code)


def _wants(session: Session, is_piped: bool, asked: bool | None) -> bool:
    """Whether there shall be sound: as asked for, else on a terminal where it works. Raises ``UsageError``."""
    if asked is False or (asked is None and is_piped):
        return False
    try:
        sound.devices()
    except sound.SoundError as e:
        if asked:
            raise UsageError(str(e)) from None
        session.note(f"typed only: {e}")
        return False
    return True
