"""``huasheng say``: text to a sound file."""

from __future__ import annotations

import struct
import sys
from typing import Annotated

import typer

from huasheng._sync.client import Huasheng
from huasheng.cli import options
from huasheng.cli.exits import UsageError
from huasheng.cli.files import PIPE, Output, check_output, text_of, write
from huasheng.cli.session import Session
from huasheng.requests import Synthesis

ENDLESS = 0xFFFFFFFF
"""The length in a WAV header while it is not known."""


def say(
    session: Session,
    text: options.Text = None,
    output: Output = None,
    voice: options.Voice = None,
    language: options.SpokenLanguage = None,
    speed: options.Speed = None,
    seed: options.Seed = None,
    engine: Annotated[str | None, typer.Option("--engine", help="Speech engine that is asked first.")] = None,
    fallback: options.Fallback = True,
    stream: Annotated[
        bool, typer.Option("--stream", help="With -o -: send sound as it is spoken, to be played at once.")
    ] = False,
) -> None:
    """Say a text: TEXT, or stdin, becomes a sound file (WAV).

    Without -o the sound goes to stdout where a pipe is connected.
    """
    if output is None:
        if sys.stdout.isatty() or session.is_json:
            raise UsageError("say where to: -o FILE.wav, or -o - for stdout")
        output = PIPE
    if stream and output != PIPE:
        raise UsageError("--stream goes with -o - only: a file is there whole or not at all")
    check_output(session, output, ".wav")
    words, how = text_of(text), options.synthesis(speed, seed)
    with session.client() as hs:
        if stream:
            _stream(session, hs, words, voice, language, how, engine, fallback)
            return
        speech = hs.speech.create(
            words, voice_id=voice, language=language, synthesis=how, engine=engine, fallback=fallback
        )
    write(output, speech.wav)
    session.note_changes(speech.fallbacks, speech.warnings)
    if output != PIPE:
        session.show(f"{output}: {speech.duration_s:.1f} s", {"file": output, **speech.model_dump(exclude={"wav"})})


def _stream(
    session: Session,
    hs: Huasheng,
    text: str,
    voice: str | None,
    language: str | None,
    how: Synthesis | None,
    engine: str | None,
    fallback: bool,
) -> None:
    has_begun, out = False, sys.stdout.buffer
    for chunk in hs.speech.stream(
        text, voice_id=voice, language=language, synthesis=how, engine=engine, fallback=fallback
    ):
        if not has_begun:
            out.write(endless_header(chunk.sample_rate_hz))
            session.note_changes(chunk.fallbacks, [])
            has_begun = True
        out.write(chunk.pcm)
        out.flush()


def endless_header(rate: int) -> bytes:
    """The header of 16-bit mono samples whose number is not known yet."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", ENDLESS, b"WAVE") + form + struct.pack("<4sI", b"data", ENDLESS)
