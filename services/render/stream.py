"""One StreamRender call, from its configuration to its outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from huasheng.render.v1 import render_pb2 as pb

from services.render import messages
from services.render.audio.speech import SpeechOnly
from services.render.avatars.idle import idle_pictures
from services.render.composition.composing import Composing, encoder_options
from services.render.engines.base import RenderEngine, RenderSession
from services.render.media.mark import VisibleMark
from services.render.media.write import EncoderOptions
from services.render.outputs import Form, Mp4Form, Output, PicturesForm
from services.render.restore.restorer import Restoring
from services.render.session import Part, Rendering, Source
from services.render.types import Frame, SessionConfig


def drawn(
    engine: RenderEngine,
    avatar: Path,
    config: pb.RenderConfig,
    model: Path | None,
    options: EncoderOptions,
    source: Source,
    composing: Composing | None = None,
    restoring: Restoring | None = None,
) -> Iterator[Output]:
    """Draws what ``source`` says, in the calling thread. ``avatar`` is the engine's own folder of it; ``composing`` is
    for a composition, ``restoring`` for faces that are restored.

    Raises what the engine raises, what ``Composing.open``, ``Composer.prepare`` and ``Restoring`` raise, and
    ``cancelled``.
    """
    rate = config.format.sample_rate_hertz
    where = composing.geometry(config.max_side_px) if composing else None
    how = SessionConfig(
        audio_rate_hz=rate,
        has_phonemes=config.has_phonemes,
        start_frame=config.start_frame,
        max_side_px=where.max_side_px if where else config.max_side_px,
        live=config.live,
        at=config.part.at,
        skip=config.part.skip,
        model=model,
    )
    with contextlib.closing(engine.open_session(avatar, how)) as session:
        # a recording walks over the whole clip, where places in the loop do not follow each other
        keys = options.key_interval(session.fps) if config.live else 0

        def lead_in() -> Iterator[Frame]:
            start = session.end_frame
            if config.lead_in and keys and (count := start % keys):
                yield from idle_pictures(engine, avatar, start - count, count / session.fps, config.max_side_px)

        by_sound = engine.speech_only and not config.live and not config.has_phonemes
        hears = SpeechOnly(rate) if by_sound else None
        wanted = messages.mark(config)
        part = Part(config.part.at, config.part.skip, config.part.count) if config.HasField("part") else Part()
        with contextlib.ExitStack() as held:
            form: Form
            composer = mark = None
            if composing and where:
                composer = held.enter_context(composing.open(where, session.fps, wanted, part.at))
                form = Mp4Form(composer.size, composer.fps, rate, encoder_options(options, composing.asked.quality))
            else:
                form = _form(config, session, options, lead_in())
                mark = VisibleMark(wanted, session.width, session.height, session.fps) if wanted else None
            yield from Rendering(
                session,
                rate,
                source,
                form,
                engine.name,
                keys,
                hears=hears,
                mark=mark,
                part=part,
                composer=composer,
                restoring=restoring,
            ).run()


def _form(config: pb.RenderConfig, session: RenderSession, options: EncoderOptions, lead_in: Iterator[Frame]) -> Form:
    if config.access_units:
        return PicturesForm(session, options, lead_in)
    return Mp4Form((session.width, session.height), session.fps, config.format.sample_rate_hertz, options)
