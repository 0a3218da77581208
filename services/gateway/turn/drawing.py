"""The last stage of a turn: speech to video."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Sent, responses_of
from services.gateway.turn.choices import AvatarChoice, VisibleMark
from services.gateway.turn.events import Event, Media, Picture, RenderProgress, VideoHeader, VideoSummary
from services.gateway.turn.flow import Flow, items
from services.gateway.turn.stages import SpeechQueue


def render_mark(mark: VisibleMark | None) -> render_pb2.VisibleMark | None:
    """A visible mark as the render service takes it."""
    return render_pb2.VisibleMark(**vars(mark)) if mark else None


def render_config(
    avatar: AvatarChoice, speech: tts_pb2.SynthesisHeader, start_frame: int = 0
) -> render_pb2.RenderConfig:
    """How an avatar is drawn saying such speech, as the render service takes it."""
    return render_pb2.RenderConfig(
        avatar_id=avatar.avatar_id,
        owner=avatar.owner,
        engine=avatar.engine,
        model_id=avatar.model_id,
        device=avatar.device,
        format=speech.format,
        has_phonemes=speech.has_phonemes,
        max_side_px=avatar.max_side_px,
        live=avatar.is_live,
        access_units=avatar.single_pictures,
        start_frame=start_frame,
        lead_in=avatar.is_live and avatar.single_pictures,
        mark=render_mark(avatar.mark),
        restore=avatar.restores,
    )


async def render(flow: Flow, avatar: AvatarChoice, speech: SpeechQueue) -> None:
    """Speech, as the tts service sends it, to video."""
    timings, clients = flow.timings, flow.clients
    opening = await speech.get()
    if opening is None or opening.WhichOneof("payload") != "header":
        raise HuashengError("bad-order", what="the tts service did not send its header first")
    first, start_frame = None, 0
    if avatar.idle:
        first = await speech.get()  # rendering begins with the first speech: only now the loop's position is known
        if first is None:
            raise HuashengError("unspeakable-text")
        start_frame = avatar.idle.at(time.monotonic())
    config = render_config(avatar, opening.header, start_frame)

    async def requests() -> AsyncIterator[render_pb2.StreamRenderRequest]:
        yield render_pb2.StreamRenderRequest(config=config)
        async for item in items(speech, first):
            payload = item.WhichOneof("payload")
            if payload == "phonemes":
                yield render_pb2.StreamRenderRequest(phonemes=render_pb2.Phonemes(spans=item.phonemes.spans))
            elif payload == "audio":
                timings.begin_once("render")
                yield render_pb2.StreamRenderRequest(audio=item.audio)
        yield render_pb2.StreamRenderRequest(end=common_pb2.EndOfInput())

    is_complete, sent = False, Sent(requests())
    call = clients.render.StreamRender(sent, timeout=clients.settings.render_s, metadata=clients.metadata())
    async with contextlib.aclosing(responses_of(call, "render", sent)) as responses:
        async for response in responses:
            event = video_event(response, start_frame)
            if isinstance(event, VideoSummary):
                is_complete = True
                timings.mark("render", "render")
            if event:
                await flow.emit(event)
            is_picture = isinstance(event, Picture) and event.pts_us >= 0
            if is_picture or (isinstance(event, Media) and event.end_us > 0):
                timings.mark("render_first_frame", "render")
                timings.mark("first_video")
    if not is_complete:
        raise HuashengError("service-down", service="render")


def video_event(response: render_pb2.StreamRenderResponse, start_frame: int) -> Event | None:
    """The event of a message of the render service; None for those that a turn has no use for."""
    payload = response.WhichOneof("payload")
    if payload == "header":
        h = response.header
        return VideoHeader(
            width=h.width,
            height=h.height,
            fps=h.fps,
            mime_type=h.mime_type,
            engine=h.engine,
            start_frame=start_frame,
            codec=h.video_codec,
            description=h.video_description,
            source_sha256=h.source_sha256,
        )
    if payload == "picture":
        return Picture(response.picture.data, response.picture.pts_us, response.picture.key)
    if payload == "media":
        return Media(response.media.data, response.media.end_us)
    if payload == "progress":
        return RenderProgress(response.progress.rendered_us / 1e6, response.progress.frames_per_second)
    if payload == "summary":
        s = response.summary
        return VideoSummary(s.frames, s.passthrough_frames, s.duration_us / 1e6, s.end_frame)
    return None
