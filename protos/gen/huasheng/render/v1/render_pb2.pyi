from huasheng.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Quality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_UNSPECIFIED: _ClassVar[Quality]
    QUALITY_DRAFT: _ClassVar[Quality]
    QUALITY_STANDARD: _ClassVar[Quality]
    QUALITY_HIGH: _ClassVar[Quality]
QUALITY_UNSPECIFIED: Quality
QUALITY_DRAFT: Quality
QUALITY_STANDARD: Quality
QUALITY_HIGH: Quality

class PrepareAvatarRequest(_message.Message):
    __slots__ = ("avatar_id", "owner", "source_uri", "engine", "name", "is_film")
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_URI_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_FILM_FIELD_NUMBER: _ClassVar[int]
    avatar_id: str
    owner: str
    source_uri: str
    engine: str
    name: str
    is_film: bool
    def __init__(self, avatar_id: _Optional[str] = ..., owner: _Optional[str] = ..., source_uri: _Optional[str] = ..., engine: _Optional[str] = ..., name: _Optional[str] = ..., is_film: bool = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "fraction")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    stage: str
    fraction: float
    def __init__(self, stage: _Optional[str] = ..., fraction: _Optional[float] = ...) -> None: ...

class Avatar(_message.Message):
    __slots__ = ("avatar_id", "owner", "name", "engine", "kind", "width", "height", "fps", "frames", "thumbnail_uri", "idle_uri", "report", "created_at")
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_URI_FIELD_NUMBER: _ClassVar[int]
    IDLE_URI_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    avatar_id: str
    owner: str
    name: str
    engine: str
    kind: str
    width: int
    height: int
    fps: float
    frames: int
    thumbnail_uri: str
    idle_uri: str
    report: AvatarReport
    created_at: float
    def __init__(self, avatar_id: _Optional[str] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ..., engine: _Optional[str] = ..., kind: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., fps: _Optional[float] = ..., frames: _Optional[int] = ..., thumbnail_uri: _Optional[str] = ..., idle_uri: _Optional[str] = ..., report: _Optional[_Union[AvatarReport, _Mapping]] = ..., created_at: _Optional[float] = ...) -> None: ...

class AvatarReport(_message.Message):
    __slots__ = ("face_fraction", "face_width_px", "mouth_coverage", "warnings", "missing_shapes", "mouth_pictures", "covered_frames", "blurred_frames", "face_box")
    FACE_FRACTION_FIELD_NUMBER: _ClassVar[int]
    FACE_WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    MOUTH_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    MISSING_SHAPES_FIELD_NUMBER: _ClassVar[int]
    MOUTH_PICTURES_FIELD_NUMBER: _ClassVar[int]
    COVERED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    BLURRED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    FACE_BOX_FIELD_NUMBER: _ClassVar[int]
    face_fraction: float
    face_width_px: float
    mouth_coverage: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    missing_shapes: _containers.RepeatedScalarFieldContainer[str]
    mouth_pictures: int
    covered_frames: int
    blurred_frames: int
    face_box: FaceBox
    def __init__(self, face_fraction: _Optional[float] = ..., face_width_px: _Optional[float] = ..., mouth_coverage: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ..., missing_shapes: _Optional[_Iterable[str]] = ..., mouth_pictures: _Optional[int] = ..., covered_frames: _Optional[int] = ..., blurred_frames: _Optional[int] = ..., face_box: _Optional[_Union[FaceBox, _Mapping]] = ...) -> None: ...

class FaceBox(_message.Message):
    __slots__ = ("left", "top", "right", "bottom")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    left: float
    top: float
    right: float
    bottom: float
    def __init__(self, left: _Optional[float] = ..., top: _Optional[float] = ..., right: _Optional[float] = ..., bottom: _Optional[float] = ...) -> None: ...

class PrepareAvatarResponse(_message.Message):
    __slots__ = ("progress", "avatar")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    avatar: Avatar
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., avatar: _Optional[_Union[Avatar, _Mapping]] = ...) -> None: ...

class ListAvatarsRequest(_message.Message):
    __slots__ = ("owner",)
    OWNER_FIELD_NUMBER: _ClassVar[int]
    owner: str
    def __init__(self, owner: _Optional[str] = ...) -> None: ...

class ListAvatarsResponse(_message.Message):
    __slots__ = ("avatars",)
    AVATARS_FIELD_NUMBER: _ClassVar[int]
    avatars: _containers.RepeatedCompositeFieldContainer[Avatar]
    def __init__(self, avatars: _Optional[_Iterable[_Union[Avatar, _Mapping]]] = ...) -> None: ...

class GetAvatarRequest(_message.Message):
    __slots__ = ("owner", "avatar_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    avatar_id: str
    def __init__(self, owner: _Optional[str] = ..., avatar_id: _Optional[str] = ...) -> None: ...

class GetAvatarResponse(_message.Message):
    __slots__ = ("avatar",)
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    avatar: Avatar
    def __init__(self, avatar: _Optional[_Union[Avatar, _Mapping]] = ...) -> None: ...

class DeleteAvatarRequest(_message.Message):
    __slots__ = ("owner", "avatar_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    avatar_id: str
    def __init__(self, owner: _Optional[str] = ..., avatar_id: _Optional[str] = ...) -> None: ...

class DeleteAvatarResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenderConfig(_message.Message):
    __slots__ = ("avatar_id", "owner", "engine", "model_id", "device", "format", "has_phonemes", "start_frame", "max_side_px", "live", "access_units", "lead_in", "mark", "part", "composition", "restore")
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    HAS_PHONEMES_FIELD_NUMBER: _ClassVar[int]
    START_FRAME_FIELD_NUMBER: _ClassVar[int]
    MAX_SIDE_PX_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    ACCESS_UNITS_FIELD_NUMBER: _ClassVar[int]
    LEAD_IN_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    COMPOSITION_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    avatar_id: str
    owner: str
    engine: str
    model_id: str
    device: str
    format: _common_pb2.AudioFormat
    has_phonemes: bool
    start_frame: int
    max_side_px: int
    live: bool
    access_units: bool
    lead_in: bool
    mark: VisibleMark
    part: VideoPart
    composition: Composition
    restore: bool
    def __init__(self, avatar_id: _Optional[str] = ..., owner: _Optional[str] = ..., engine: _Optional[str] = ..., model_id: _Optional[str] = ..., device: _Optional[str] = ..., format: _Optional[_Union[_common_pb2.AudioFormat, _Mapping]] = ..., has_phonemes: bool = ..., start_frame: _Optional[int] = ..., max_side_px: _Optional[int] = ..., live: bool = ..., access_units: bool = ..., lead_in: bool = ..., mark: _Optional[_Union[VisibleMark, _Mapping]] = ..., part: _Optional[_Union[VideoPart, _Mapping]] = ..., composition: _Optional[_Union[Composition, _Mapping]] = ..., restore: bool = ...) -> None: ...

class Composition(_message.Message):
    __slots__ = ("width", "height", "crop", "fps", "background", "overlays", "captions", "alpha", "quality")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    OVERLAYS_FIELD_NUMBER: _ClassVar[int]
    CAPTIONS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    crop: FaceBox
    fps: float
    background: Background
    overlays: _containers.RepeatedCompositeFieldContainer[Overlay]
    captions: Captions
    alpha: bool
    quality: Quality
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., crop: _Optional[_Union[FaceBox, _Mapping]] = ..., fps: _Optional[float] = ..., background: _Optional[_Union[Background, _Mapping]] = ..., overlays: _Optional[_Iterable[_Union[Overlay, _Mapping]]] = ..., captions: _Optional[_Union[Captions, _Mapping]] = ..., alpha: bool = ..., quality: _Optional[_Union[Quality, str]] = ...) -> None: ...

class Background(_message.Message):
    __slots__ = ("blur", "colour", "picture_uri", "film_uri", "key")
    BLUR_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    PICTURE_URI_FIELD_NUMBER: _ClassVar[int]
    FILM_URI_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    blur: float
    colour: int
    picture_uri: str
    film_uri: str
    key: Key
    def __init__(self, blur: _Optional[float] = ..., colour: _Optional[int] = ..., picture_uri: _Optional[str] = ..., film_uri: _Optional[str] = ..., key: _Optional[_Union[Key, _Mapping]] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("colour",)
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    colour: int
    def __init__(self, colour: _Optional[int] = ...) -> None: ...

class Overlay(_message.Message):
    __slots__ = ("picture_uri", "box", "opacity", "start_us", "end_us")
    PICTURE_URI_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    OPACITY_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    picture_uri: str
    box: FaceBox
    opacity: float
    start_us: int
    end_us: int
    def __init__(self, picture_uri: _Optional[str] = ..., box: _Optional[_Union[FaceBox, _Mapping]] = ..., opacity: _Optional[float] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ...) -> None: ...

class Captions(_message.Message):
    __slots__ = ("cues", "size", "place", "colour", "highlight")
    CUES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHT_FIELD_NUMBER: _ClassVar[int]
    cues: _containers.RepeatedCompositeFieldContainer[Cue]
    size: float
    place: float
    colour: int
    highlight: int
    def __init__(self, cues: _Optional[_Iterable[_Union[Cue, _Mapping]]] = ..., size: _Optional[float] = ..., place: _Optional[float] = ..., colour: _Optional[int] = ..., highlight: _Optional[int] = ...) -> None: ...

class Cue(_message.Message):
    __slots__ = ("start_us", "end_us", "lines", "second")
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    start_us: int
    end_us: int
    lines: _containers.RepeatedCompositeFieldContainer[CueLine]
    second: _containers.RepeatedCompositeFieldContainer[CueLine]
    def __init__(self, start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[CueLine, _Mapping]]] = ..., second: _Optional[_Iterable[_Union[CueLine, _Mapping]]] = ...) -> None: ...

class CueLine(_message.Message):
    __slots__ = ("words",)
    WORDS_FIELD_NUMBER: _ClassVar[int]
    words: _containers.RepeatedCompositeFieldContainer[CueWord]
    def __init__(self, words: _Optional[_Iterable[_Union[CueWord, _Mapping]]] = ...) -> None: ...

class CueWord(_message.Message):
    __slots__ = ("text", "start_us", "end_us")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_us: int
    end_us: int
    def __init__(self, text: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ...) -> None: ...

class VideoPart(_message.Message):
    __slots__ = ("at", "skip", "count")
    AT_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    at: int
    skip: int
    count: int
    def __init__(self, at: _Optional[int] = ..., skip: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class VisibleMark(_message.Message):
    __slots__ = ("language", "throughout")
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    THROUGHOUT_FIELD_NUMBER: _ClassVar[int]
    language: str
    throughout: bool
    def __init__(self, language: _Optional[str] = ..., throughout: bool = ...) -> None: ...

class Phonemes(_message.Message):
    __slots__ = ("spans",)
    SPANS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[_common_pb2.PhonemeSpan]
    def __init__(self, spans: _Optional[_Iterable[_Union[_common_pb2.PhonemeSpan, _Mapping]]] = ...) -> None: ...

class StreamRenderRequest(_message.Message):
    __slots__ = ("config", "phonemes", "audio", "interrupt", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    PHONEMES_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: RenderConfig
    phonemes: Phonemes
    audio: _common_pb2.AudioChunk
    interrupt: _common_pb2.Interrupt
    end: _common_pb2.EndOfInput
    def __init__(self, config: _Optional[_Union[RenderConfig, _Mapping]] = ..., phonemes: _Optional[_Union[Phonemes, _Mapping]] = ..., audio: _Optional[_Union[_common_pb2.AudioChunk, _Mapping]] = ..., interrupt: _Optional[_Union[_common_pb2.Interrupt, _Mapping]] = ..., end: _Optional[_Union[_common_pb2.EndOfInput, _Mapping]] = ...) -> None: ...

class RenderHeader(_message.Message):
    __slots__ = ("width", "height", "fps", "mime_type", "engine", "video_codec", "video_description", "source_sha256")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_CODEC_FIELD_NUMBER: _ClassVar[int]
    VIDEO_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SHA256_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    fps: float
    mime_type: str
    engine: str
    video_codec: str
    video_description: bytes
    source_sha256: str
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., fps: _Optional[float] = ..., mime_type: _Optional[str] = ..., engine: _Optional[str] = ..., video_codec: _Optional[str] = ..., video_description: _Optional[bytes] = ..., source_sha256: _Optional[str] = ...) -> None: ...

class Picture(_message.Message):
    __slots__ = ("data", "pts_us", "duration_us", "key", "loop_frame")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LOOP_FRAME_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    pts_us: int
    duration_us: int
    key: bool
    loop_frame: int
    def __init__(self, data: _Optional[bytes] = ..., pts_us: _Optional[int] = ..., duration_us: _Optional[int] = ..., key: bool = ..., loop_frame: _Optional[int] = ...) -> None: ...

class MediaChunk(_message.Message):
    __slots__ = ("data", "end_us")
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    end_us: int
    def __init__(self, data: _Optional[bytes] = ..., end_us: _Optional[int] = ...) -> None: ...

class RenderProgress(_message.Message):
    __slots__ = ("frames", "rendered_us", "frames_per_second")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    RENDERED_US_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    frames: int
    rendered_us: int
    frames_per_second: float
    def __init__(self, frames: _Optional[int] = ..., rendered_us: _Optional[int] = ..., frames_per_second: _Optional[float] = ...) -> None: ...

class RenderSummary(_message.Message):
    __slots__ = ("frames", "passthrough_frames", "duration_us", "end_frame")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    PASSTHROUGH_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    END_FRAME_FIELD_NUMBER: _ClassVar[int]
    frames: int
    passthrough_frames: int
    duration_us: int
    end_frame: int
    def __init__(self, frames: _Optional[int] = ..., passthrough_frames: _Optional[int] = ..., duration_us: _Optional[int] = ..., end_frame: _Optional[int] = ...) -> None: ...

class StreamRenderResponse(_message.Message):
    __slots__ = ("header", "media", "progress", "interrupted", "summary", "picture")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTED_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    header: RenderHeader
    media: MediaChunk
    progress: RenderProgress
    interrupted: _common_pb2.Interrupted
    summary: RenderSummary
    picture: Picture
    def __init__(self, header: _Optional[_Union[RenderHeader, _Mapping]] = ..., media: _Optional[_Union[MediaChunk, _Mapping]] = ..., progress: _Optional[_Union[RenderProgress, _Mapping]] = ..., interrupted: _Optional[_Union[_common_pb2.Interrupted, _Mapping]] = ..., summary: _Optional[_Union[RenderSummary, _Mapping]] = ..., picture: _Optional[_Union[Picture, _Mapping]] = ...) -> None: ...

class TrainRequest(_message.Message):
    __slots__ = ("training_id", "owner", "video_uri", "engine", "steps", "device", "name", "mark")
    TRAINING_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VIDEO_URI_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    training_id: str
    owner: str
    video_uri: str
    engine: str
    steps: int
    device: str
    name: str
    mark: VisibleMark
    def __init__(self, training_id: _Optional[str] = ..., owner: _Optional[str] = ..., video_uri: _Optional[str] = ..., engine: _Optional[str] = ..., steps: _Optional[int] = ..., device: _Optional[str] = ..., name: _Optional[str] = ..., mark: _Optional[_Union[VisibleMark, _Mapping]] = ...) -> None: ...

class TrainProgress(_message.Message):
    __slots__ = ("step", "steps", "loss", "eta_s", "preview_uri", "stage", "fraction", "validation_loss", "curve", "warnings", "offset_ms")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    ETA_S_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_URI_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_LOSS_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    step: int
    steps: int
    loss: float
    eta_s: float
    preview_uri: str
    stage: str
    fraction: float
    validation_loss: float
    curve: MouthCurve
    warnings: _containers.RepeatedScalarFieldContainer[str]
    offset_ms: float
    def __init__(self, step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., eta_s: _Optional[float] = ..., preview_uri: _Optional[str] = ..., stage: _Optional[str] = ..., fraction: _Optional[float] = ..., validation_loss: _Optional[float] = ..., curve: _Optional[_Union[MouthCurve, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., offset_ms: _Optional[float] = ...) -> None: ...

class MouthCurve(_message.Message):
    __slots__ = ("rate_hz", "start_s", "real", "before", "after")
    RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    START_S_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    rate_hz: float
    start_s: float
    real: _containers.RepeatedScalarFieldContainer[float]
    before: _containers.RepeatedScalarFieldContainer[float]
    after: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, rate_hz: _Optional[float] = ..., start_s: _Optional[float] = ..., real: _Optional[_Iterable[float]] = ..., before: _Optional[_Iterable[float]] = ..., after: _Optional[_Iterable[float]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("model_id", "owner", "name", "engine", "avatar_id", "steps", "before", "after", "created_at", "warnings", "preview_uri", "curve", "offset_ms", "training_id", "before_video_uri", "after_video_uri")
    class BeforeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class AfterEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_URI_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_VIDEO_URI_FIELD_NUMBER: _ClassVar[int]
    AFTER_VIDEO_URI_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    owner: str
    name: str
    engine: str
    avatar_id: str
    steps: int
    before: _containers.ScalarMap[str, float]
    after: _containers.ScalarMap[str, float]
    created_at: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    preview_uri: str
    curve: MouthCurve
    offset_ms: float
    training_id: str
    before_video_uri: str
    after_video_uri: str
    def __init__(self, model_id: _Optional[str] = ..., owner: _Optional[str] = ..., name: _Optional[str] = ..., engine: _Optional[str] = ..., avatar_id: _Optional[str] = ..., steps: _Optional[int] = ..., before: _Optional[_Mapping[str, float]] = ..., after: _Optional[_Mapping[str, float]] = ..., created_at: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ..., preview_uri: _Optional[str] = ..., curve: _Optional[_Union[MouthCurve, _Mapping]] = ..., offset_ms: _Optional[float] = ..., training_id: _Optional[str] = ..., before_video_uri: _Optional[str] = ..., after_video_uri: _Optional[str] = ...) -> None: ...

class TrainResponse(_message.Message):
    __slots__ = ("progress", "model")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    progress: TrainProgress
    model: Model
    def __init__(self, progress: _Optional[_Union[TrainProgress, _Mapping]] = ..., model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class GetTrainingRequest(_message.Message):
    __slots__ = ("owner", "training_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    TRAINING_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    training_id: str
    def __init__(self, owner: _Optional[str] = ..., training_id: _Optional[str] = ...) -> None: ...

class GetTrainingResponse(_message.Message):
    __slots__ = ("progress", "running")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    progress: TrainProgress
    running: bool
    def __init__(self, progress: _Optional[_Union[TrainProgress, _Mapping]] = ..., running: bool = ...) -> None: ...

class CancelTrainingRequest(_message.Message):
    __slots__ = ("owner", "training_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    TRAINING_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    training_id: str
    def __init__(self, owner: _Optional[str] = ..., training_id: _Optional[str] = ...) -> None: ...

class CancelTrainingResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("owner",)
    OWNER_FIELD_NUMBER: _ClassVar[int]
    owner: str
    def __init__(self, owner: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("owner", "model_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    model_id: str
    def __init__(self, owner: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: Model
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class DeleteModelRequest(_message.Message):
    __slots__ = ("owner", "model_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    model_id: str
    def __init__(self, owner: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class DeleteModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ForgetOwnerRequest(_message.Message):
    __slots__ = ("owner",)
    OWNER_FIELD_NUMBER: _ClassVar[int]
    owner: str
    def __init__(self, owner: _Optional[str] = ...) -> None: ...

class ForgetOwnerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompareFacesRequest(_message.Message):
    __slots__ = ("owner", "first_uri", "second_uri")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FIRST_URI_FIELD_NUMBER: _ClassVar[int]
    SECOND_URI_FIELD_NUMBER: _ClassVar[int]
    owner: str
    first_uri: str
    second_uri: str
    def __init__(self, owner: _Optional[str] = ..., first_uri: _Optional[str] = ..., second_uri: _Optional[str] = ...) -> None: ...

class CompareFacesResponse(_message.Message):
    __slots__ = ("distance", "farthest", "is_same", "first_pictures", "second_pictures")
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    FARTHEST_FIELD_NUMBER: _ClassVar[int]
    IS_SAME_FIELD_NUMBER: _ClassVar[int]
    FIRST_PICTURES_FIELD_NUMBER: _ClassVar[int]
    SECOND_PICTURES_FIELD_NUMBER: _ClassVar[int]
    distance: float
    farthest: float
    is_same: bool
    first_pictures: int
    second_pictures: int
    def __init__(self, distance: _Optional[float] = ..., farthest: _Optional[float] = ..., is_same: bool = ..., first_pictures: _Optional[int] = ..., second_pictures: _Optional[int] = ...) -> None: ...

class GetCapacityRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCapacityResponse(_message.Message):
    __slots__ = ("capacity",)
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    capacity: _common_pb2.Capacity
    def __init__(self, capacity: _Optional[_Union[_common_pb2.Capacity, _Mapping]] = ...) -> None: ...

class ListEnginesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEnginesResponse(_message.Message):
    __slots__ = ("engines", "restorer")
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    RESTORER_FIELD_NUMBER: _ClassVar[int]
    engines: _containers.RepeatedCompositeFieldContainer[_common_pb2.EngineInfo]
    restorer: Restorer
    def __init__(self, engines: _Optional[_Iterable[_Union[_common_pb2.EngineInfo, _Mapping]]] = ..., restorer: _Optional[_Union[Restorer, _Mapping]] = ...) -> None: ...

class Restorer(_message.Message):
    __slots__ = ("name", "licence", "problem")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    name: str
    licence: str
    problem: str
    def __init__(self, name: _Optional[str] = ..., licence: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Device(_message.Message):
    __slots__ = ("device", "name", "memory_bytes", "used_bytes")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    device: str
    name: str
    memory_bytes: int
    used_bytes: int
    def __init__(self, device: _Optional[str] = ..., name: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., used_bytes: _Optional[int] = ...) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...
