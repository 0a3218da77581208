from huasheng.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecognitionConfig(_message.Message):
    __slots__ = ("engine", "language", "format", "audio_uri", "end_silence_ms", "no_fallback", "complete_silence_ms", "report_pauses", "open_silence_ms")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_URI_FIELD_NUMBER: _ClassVar[int]
    END_SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    NO_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    REPORT_PAUSES_FIELD_NUMBER: _ClassVar[int]
    OPEN_SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    engine: str
    language: str
    format: _common_pb2.AudioFormat
    audio_uri: str
    end_silence_ms: int
    no_fallback: bool
    complete_silence_ms: int
    report_pauses: bool
    open_silence_ms: int
    def __init__(self, engine: _Optional[str] = ..., language: _Optional[str] = ..., format: _Optional[_Union[_common_pb2.AudioFormat, _Mapping]] = ..., audio_uri: _Optional[str] = ..., end_silence_ms: _Optional[int] = ..., no_fallback: bool = ..., complete_silence_ms: _Optional[int] = ..., report_pauses: bool = ..., open_silence_ms: _Optional[int] = ...) -> None: ...

class TranscribeRequest(_message.Message):
    __slots__ = ("config", "audio", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: RecognitionConfig
    audio: _common_pb2.AudioChunk
    end: _common_pb2.EndOfInput
    def __init__(self, config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., audio: _Optional[_Union[_common_pb2.AudioChunk, _Mapping]] = ..., end: _Optional[_Union[_common_pb2.EndOfInput, _Mapping]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("text", "start_us", "end_us")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_us: int
    end_us: int
    def __init__(self, text: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ...) -> None: ...

class TranscribeResponse(_message.Message):
    __slots__ = ("text", "language", "language_probability", "duration_us", "segments", "engine", "fallbacks")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    text: str
    language: str
    language_probability: float
    duration_us: int
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    engine: str
    fallbacks: _containers.RepeatedCompositeFieldContainer[_common_pb2.Fallback]
    def __init__(self, text: _Optional[str] = ..., language: _Optional[str] = ..., language_probability: _Optional[float] = ..., duration_us: _Optional[int] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., engine: _Optional[str] = ..., fallbacks: _Optional[_Iterable[_Union[_common_pb2.Fallback, _Mapping]]] = ...) -> None: ...

class StreamTranscribeRequest(_message.Message):
    __slots__ = ("config", "audio", "interrupt", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: RecognitionConfig
    audio: _common_pb2.AudioChunk
    interrupt: _common_pb2.Interrupt
    end: _common_pb2.EndOfInput
    def __init__(self, config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., audio: _Optional[_Union[_common_pb2.AudioChunk, _Mapping]] = ..., interrupt: _Optional[_Union[_common_pb2.Interrupt, _Mapping]] = ..., end: _Optional[_Union[_common_pb2.EndOfInput, _Mapping]] = ...) -> None: ...

class SpeechStarted(_message.Message):
    __slots__ = ("pts_us",)
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    pts_us: int
    def __init__(self, pts_us: _Optional[int] = ...) -> None: ...

class Partial(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Paused(_message.Message):
    __slots__ = ("pts_us", "text", "language", "complete")
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    pts_us: int
    text: str
    language: str
    complete: float
    def __init__(self, pts_us: _Optional[int] = ..., text: _Optional[str] = ..., language: _Optional[str] = ..., complete: _Optional[float] = ...) -> None: ...

class SpeechResumed(_message.Message):
    __slots__ = ("pts_us",)
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    pts_us: int
    def __init__(self, pts_us: _Optional[int] = ...) -> None: ...

class SpeechEnded(_message.Message):
    __slots__ = ("pts_us",)
    PTS_US_FIELD_NUMBER: _ClassVar[int]
    pts_us: int
    def __init__(self, pts_us: _Optional[int] = ...) -> None: ...

class Final(_message.Message):
    __slots__ = ("text", "language", "start_us", "end_us", "engine", "fallbacks")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    text: str
    language: str
    start_us: int
    end_us: int
    engine: str
    fallbacks: _containers.RepeatedCompositeFieldContainer[_common_pb2.Fallback]
    def __init__(self, text: _Optional[str] = ..., language: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., engine: _Optional[str] = ..., fallbacks: _Optional[_Iterable[_Union[_common_pb2.Fallback, _Mapping]]] = ...) -> None: ...

class StreamTranscribeResponse(_message.Message):
    __slots__ = ("speech_started", "partial", "speech_ended", "final", "interrupted", "paused", "speech_resumed")
    SPEECH_STARTED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    SPEECH_ENDED_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    SPEECH_RESUMED_FIELD_NUMBER: _ClassVar[int]
    speech_started: SpeechStarted
    partial: Partial
    speech_ended: SpeechEnded
    final: Final
    interrupted: _common_pb2.Interrupted
    paused: Paused
    speech_resumed: SpeechResumed
    def __init__(self, speech_started: _Optional[_Union[SpeechStarted, _Mapping]] = ..., partial: _Optional[_Union[Partial, _Mapping]] = ..., speech_ended: _Optional[_Union[SpeechEnded, _Mapping]] = ..., final: _Optional[_Union[Final, _Mapping]] = ..., interrupted: _Optional[_Union[_common_pb2.Interrupted, _Mapping]] = ..., paused: _Optional[_Union[Paused, _Mapping]] = ..., speech_resumed: _Optional[_Union[SpeechResumed, _Mapping]] = ...) -> None: ...

class ListEnginesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEnginesResponse(_message.Message):
    __slots__ = ("engines",)
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    engines: _containers.RepeatedCompositeFieldContainer[_common_pb2.EngineInfo]
    def __init__(self, engines: _Optional[_Iterable[_Union[_common_pb2.EngineInfo, _Mapping]]] = ...) -> None: ...
