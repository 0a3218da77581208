"""Our own records as protobuf messages and back."""

from __future__ import annotations

from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.render.avatars.store import BUILTIN, AvatarRecord, AvatarStore
from services.render.engines.base import RenderEngine
from services.render.media.mark import MarkOptions
from services.render.outputs import (
    HeaderOut,
    InterruptedOut,
    MediaOut,
    Output,
    PictureOut,
    ProgressOut,
    SummaryOut,
)
from services.render.train.comparison import AFTER, BEFORE
from services.render.train.job import PREVIEW, MouthCurve, TrainingProgress
from services.render.train.models import ModelRecord, ModelStore
from services.render.types import PhonemeSpan


def progress(stage: str, fraction: float) -> pb.PrepareAvatarResponse:
    """One step of a preparation."""
    return pb.PrepareAvatarResponse(progress=pb.Progress(stage=stage, fraction=fraction))


def avatar(record: AvatarRecord, store: AvatarStore) -> pb.Avatar:
    """A prepared avatar with the addresses of its pictures."""
    found = record.report

    def uri(name: str) -> str:
        return store.storage.uri(store.key(record.owner, record.avatar_id, name))

    return pb.Avatar(
        avatar_id=record.avatar_id,
        owner=record.owner,
        name=record.name,
        engine=record.engine,
        kind=record.kind,
        width=found.width,
        height=found.height,
        fps=found.fps,
        frames=found.frames,
        thumbnail_uri="" if record.is_film else uri("thumbnail.jpg"),
        idle_uri="" if record.is_film else uri("idle.mp4"),
        report=pb.AvatarReport(
            face_fraction=found.face_fraction,
            face_width_px=found.face_width_px,
            mouth_coverage=found.mouth_coverage,
            warnings=found.warnings,
            missing_shapes=found.missing_shapes,
            mouth_pictures=found.mouth_pictures,
            covered_frames=found.covered_frames,
            blurred_frames=found.blurred_frames,
            face_box=_face_box(found.face_box),
        ),
        created_at=record.created_at,
    )


def _face_box(box: tuple[float, float, float, float] | None) -> pb.FaceBox | None:
    return pb.FaceBox(left=box[0], top=box[1], right=box[2], bottom=box[3]) if box else None


def spans(phonemes: pb.Phonemes) -> list[PhonemeSpan]:
    """Phonemes as engines take them."""
    return [PhonemeSpan(s.phoneme, s.start_us, s.end_us) for s in phonemes.spans]


def mark(request: pb.RenderConfig | pb.TrainRequest) -> MarkOptions | None:
    """The visible mark that a request wants."""
    return MarkOptions(request.mark.language, request.mark.throughout) if request.HasField("mark") else None


def render(output: Output, engine: str, source_sha256: str) -> pb.StreamRenderResponse:
    """One answer of a rendering by ``engine``, of the avatar made from a clip with that hash."""
    match output:
        case HeaderOut():
            header = pb.RenderHeader(
                width=output.width,
                height=output.height,
                fps=output.fps,
                mime_type=output.mime_type,
                engine=engine,
                video_codec=output.codec,
                video_description=output.description,
                source_sha256=source_sha256,
            )
            return pb.StreamRenderResponse(header=header)
        case PictureOut():
            return pb.StreamRenderResponse(picture=pb.Picture(**vars(output)))
        case MediaOut(data, end_us):
            return pb.StreamRenderResponse(media=pb.MediaChunk(data=data, end_us=end_us))
        case ProgressOut(frames, rendered_us, speed):
            drawn = pb.RenderProgress(frames=frames, rendered_us=rendered_us, frames_per_second=speed)
            return pb.StreamRenderResponse(progress=drawn)
        case InterruptedOut(generation, sent_us):
            answer = common_pb2.Interrupted(generation=generation, sent_us=sent_us)
            return pb.StreamRenderResponse(interrupted=answer)
        case SummaryOut(frames, passthrough, duration_us, end_frame):
            summary = pb.RenderSummary(
                frames=frames, passthrough_frames=passthrough, duration_us=duration_us, end_frame=end_frame
            )
            return pb.StreamRenderResponse(summary=summary)


def _curve(curve: MouthCurve | None) -> pb.MouthCurve | None:
    return None if curve is None else pb.MouthCurve(**vars(curve))


def train_progress(now: TrainingProgress) -> pb.TrainProgress:
    """How a training stands."""
    return pb.TrainProgress(
        step=now.step,
        steps=now.steps,
        loss=now.loss,
        eta_s=now.eta_s,
        preview_uri=now.preview,
        stage=now.stage,
        fraction=now.fraction,
        validation_loss=now.validation_loss,
        curve=_curve(now.curve),
        warnings=now.warnings,
        offset_ms=now.offset_ms,
    )


def builtin_model(engine: RenderEngine) -> pb.Model:
    """The model that an engine brings with it."""
    return pb.Model(model_id=engine.name, owner=BUILTIN, name=engine.description, engine=engine.name)


def model(record: ModelRecord, store: ModelStore) -> pb.Model:
    """A trained model."""
    result = record.result

    def uri(name: str) -> str:
        return store.storage.uri(store.key(record.owner, record.model_id, name))

    return pb.Model(
        model_id=record.model_id,
        owner=record.owner,
        name=record.name,
        engine=record.engine,
        avatar_id=record.avatar_id,
        steps=record.steps,
        before=result.before,
        after=result.after,
        created_at=record.created_at,
        warnings=result.warnings,
        curve=_curve(result.curve),
        offset_ms=result.offset_ms,
        preview_uri=uri(PREVIEW),
        before_video_uri=uri(BEFORE) if result.has_movies else "",
        after_video_uri=uri(AFTER) if result.has_movies else "",
        training_id=record.training_id,
    )


def train(item: TrainingProgress | ModelRecord, store: ModelStore) -> pb.TrainResponse:
    """One answer of a training."""
    if isinstance(item, ModelRecord):
        return pb.TrainResponse(model=model(item, store))
    return pb.TrainResponse(progress=train_progress(item))
