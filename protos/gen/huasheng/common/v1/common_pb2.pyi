from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_ENCODING_UNSPECIFIED: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_PCM_S16LE: _ClassVar[AudioEncoding]

class BreakerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_STATE_UNSPECIFIED: _ClassVar[BreakerState]
    BREAKER_STATE_CLOSED: _ClassVar[BreakerState]
    BREAKER_STATE_OPEN: _ClassVar[BreakerState]
    BREAKER_STATE_HALF_OPEN: _ClassVar[BreakerState]
AUDIO_ENCODING_UNSPECIFIED: AudioEncoding
AUDIO_ENCODING_PCM_S16LE: AudioEncoding
BREAKER_STATE_UNSPECIFIED: BreakerState
BREAKER_STATE_CLOSED: BreakerState
BREAKER_STATE_OPEN: BreakerState
BREAKER_STATE_HALF_OPEN: BreakerState

class AudioFormat(_message.Message):
    __slots__ = ("encoding", "sample_rate_hertz", "channels")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HERTZ_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    encoding: AudioEncoding
    sample_rate_hertz: int
    channels: int
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., sample_rate_hertz: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class AudioChunk(_message.Message):
    __slots__ = ("data", "pts_us")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    pts_us: int
    def __init__(self, data: _Optional[bytes] = ..., pts_us: _Optional[int] = ...) -> None: ...

class PhonemeSpan(_message.Message):
    __slots__ = ("phoneme", "start_us", "end_us")
    PHONEME_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    phoneme: str
    start_us: int
    end_us: int
    def __init__(self, phoneme: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ...) -> None: ...

class EndOfInput(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Interrupt(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: int
    def __init__(self, generation: _Optional[int] = ...) -> None: ...

class Interrupted(_message.Message):
    __slots__ = ("generation", "sent_us")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SENT_US_FIELD_NUMBER: _ClassVar[int]
    generation: int
    sent_us: int
    def __init__(self, generation: _Optional[int] = ..., sent_us: _Optional[int] = ...) -> None: ...

class EngineInfo(_message.Message):
    __slots__ = ("name", "available", "reason", "is_default", "languages", "license", "description", "can_train", "cannot_train_reason", "breaker", "breaker_reason", "breaker_retry_s", "models", "default_steps", "needs_model", "videos_only", "problem", "cannot_train_problem", "breaker_problem", "training_clip", "draws_parts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    LICENSE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CAN_TRAIN_FIELD_NUMBER: _ClassVar[int]
    CANNOT_TRAIN_REASON_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    BREAKER_REASON_FIELD_NUMBER: _ClassVar[int]
    BREAKER_RETRY_S_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_STEPS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_MODEL_FIELD_NUMBER: _ClassVar[int]
    VIDEOS_ONLY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    CANNOT_TRAIN_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    BREAKER_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    TRAINING_CLIP_FIELD_NUMBER: _ClassVar[int]
    DRAWS_PARTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    available: bool
    reason: str
    is_default: bool
    languages: _containers.RepeatedScalarFieldContainer[str]
    license: str
    description: str
    can_train: bool
    cannot_train_reason: str
    breaker: BreakerState
    breaker_reason: str
    breaker_retry_s: float
    models: _containers.RepeatedScalarFieldContainer[str]
    default_steps: int
    needs_model: bool
    videos_only: bool
    problem: Error
    cannot_train_problem: Error
    breaker_problem: Error
    training_clip: TrainingClip
    draws_parts: bool
    def __init__(self, name: _Optional[str] = ..., available: bool = ..., reason: _Optional[str] = ..., is_default: bool = ..., languages: _Optional[_Iterable[str]] = ..., license: _Optional[str] = ..., description: _Optional[str] = ..., can_train: bool = ..., cannot_train_reason: _Optional[str] = ..., breaker: _Optional[_Union[BreakerState, str]] = ..., breaker_reason: _Optional[str] = ..., breaker_retry_s: _Optional[float] = ..., models: _Optional[_Iterable[str]] = ..., default_steps: _Optional[int] = ..., needs_model: bool = ..., videos_only: bool = ..., problem: _Optional[_Union[Error, _Mapping]] = ..., cannot_train_problem: _Optional[_Union[Error, _Mapping]] = ..., breaker_problem: _Optional[_Union[Error, _Mapping]] = ..., training_clip: _Optional[_Union[TrainingClip, _Mapping]] = ..., draws_parts: bool = ...) -> None: ...

class TrainingClip(_message.Message):
    __slots__ = ("least_s", "short_s", "most_s")
    LEAST_S_FIELD_NUMBER: _ClassVar[int]
    SHORT_S_FIELD_NUMBER: _ClassVar[int]
    MOST_S_FIELD_NUMBER: _ClassVar[int]
    least_s: float
    short_s: float
    most_s: float
    def __init__(self, least_s: _Optional[float] = ..., short_s: _Optional[float] = ..., most_s: _Optional[float] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("reason", "params")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    params: _containers.ScalarMap[str, str]
    def __init__(self, reason: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Fallback(_message.Message):
    __slots__ = ("service", "wanted", "used", "reason", "wanted_voice", "used_voice")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WANTED_VOICE_FIELD_NUMBER: _ClassVar[int]
    USED_VOICE_FIELD_NUMBER: _ClassVar[int]
    service: str
    wanted: str
    used: str
    reason: str
    wanted_voice: str
    used_voice: str
    def __init__(self, service: _Optional[str] = ..., wanted: _Optional[str] = ..., used: _Optional[str] = ..., reason: _Optional[str] = ..., wanted_voice: _Optional[str] = ..., used_voice: _Optional[str] = ...) -> None: ...

class Capacity(_message.Message):
    __slots__ = ("slots", "used", "frames_per_second", "device_memory_bytes", "device_memory_used_bytes")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    DEVICE_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_MEMORY_USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    slots: int
    used: int
    frames_per_second: float
    device_memory_bytes: int
    device_memory_used_bytes: int
    def __init__(self, slots: _Optional[int] = ..., used: _Optional[int] = ..., frames_per_second: _Optional[float] = ..., device_memory_bytes: _Optional[int] = ..., device_memory_used_bytes: _Optional[int] = ...) -> None: ...
