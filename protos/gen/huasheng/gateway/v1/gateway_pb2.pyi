from huasheng.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TurnConfig(_message.Message):
    __slots__ = ("text", "format", "avatar_id", "voice_id", "conversation_id", "engine", "model_id", "idle_frame", "persona", "asr_engine", "llm_engine", "tts_engine", "no_fallback", "llm_model")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AVATAR_ID_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    IDLE_FRAME_FIELD_NUMBER: _ClassVar[int]
    PERSONA_FIELD_NUMBER: _ClassVar[int]
    ASR_ENGINE_FIELD_NUMBER: _ClassVar[int]
    LLM_ENGINE_FIELD_NUMBER: _ClassVar[int]
    TTS_ENGINE_FIELD_NUMBER: _ClassVar[int]
    NO_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    LLM_MODEL_FIELD_NUMBER: _ClassVar[int]
    text: str
    format: _common_pb2.AudioFormat
    avatar_id: str
    voice_id: str
    conversation_id: str
    engine: str
    model_id: str
    idle_frame: int
    persona: str
    asr_engine: str
    llm_engine: str
    tts_engine: str
    no_fallback: bool
    llm_model: str
    def __init__(self, text: _Optional[str] = ..., format: _Optional[_Union[_common_pb2.AudioFormat, _Mapping]] = ..., avatar_id: _Optional[str] = ..., voice_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., engine: _Optional[str] = ..., model_id: _Optional[str] = ..., idle_frame: _Optional[int] = ..., persona: _Optional[str] = ..., asr_engine: _Optional[str] = ..., llm_engine: _Optional[str] = ..., tts_engine: _Optional[str] = ..., no_fallback: bool = ..., llm_model: _Optional[str] = ...) -> None: ...

class StreamTurnRequest(_message.Message):
    __slots__ = ("config", "audio", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: TurnConfig
    audio: _common_pb2.AudioChunk
    end: _common_pb2.EndOfInput
    def __init__(self, config: _Optional[_Union[TurnConfig, _Mapping]] = ..., audio: _Optional[_Union[_common_pb2.AudioChunk, _Mapping]] = ..., end: _Optional[_Union[_common_pb2.EndOfInput, _Mapping]] = ...) -> None: ...

class TurnTranscript(_message.Message):
    __slots__ = ("text", "language")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    text: str
    language: str
    def __init__(self, text: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class TurnReply(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class TurnVideo(_message.Message):
    __slots__ = ("width", "height", "fps", "mime_type", "start_frame")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    START_FRAME_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    fps: float
    mime_type: str
    start_frame: int
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., fps: _Optional[float] = ..., mime_type: _Optional[str] = ..., start_frame: _Optional[int] = ...) -> None: ...

class TurnMedia(_message.Message):
    __slots__ = ("data", "end_us")
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    end_us: int
    def __init__(self, data: _Optional[bytes] = ..., end_us: _Optional[int] = ...) -> None: ...

class TurnWarning(_message.Message):
    __slots__ = ("reason", "text", "script")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    text: str
    script: str
    def __init__(self, reason: _Optional[str] = ..., text: _Optional[str] = ..., script: _Optional[str] = ...) -> None: ...

class TurnFinished(_message.Message):
    __slots__ = ("conversation_id", "timings_ms", "end_frame")
    class TimingsMsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_MS_FIELD_NUMBER: _ClassVar[int]
    END_FRAME_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    timings_ms: _containers.ScalarMap[str, float]
    end_frame: int
    def __init__(self, conversation_id: _Optional[str] = ..., timings_ms: _Optional[_Mapping[str, float]] = ..., end_frame: _Optional[int] = ...) -> None: ...

class StreamTurnResponse(_message.Message):
    __slots__ = ("transcript", "reply", "media", "finished", "video", "fallback", "warning")
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    transcript: TurnTranscript
    reply: TurnReply
    media: TurnMedia
    finished: TurnFinished
    video: TurnVideo
    fallback: _common_pb2.Fallback
    warning: TurnWarning
    def __init__(self, transcript: _Optional[_Union[TurnTranscript, _Mapping]] = ..., reply: _Optional[_Union[TurnReply, _Mapping]] = ..., media: _Optional[_Union[TurnMedia, _Mapping]] = ..., finished: _Optional[_Union[TurnFinished, _Mapping]] = ..., video: _Optional[_Union[TurnVideo, _Mapping]] = ..., fallback: _Optional[_Union[_common_pb2.Fallback, _Mapping]] = ..., warning: _Optional[_Union[TurnWarning, _Mapping]] = ...) -> None: ...
