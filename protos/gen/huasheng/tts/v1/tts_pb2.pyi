from huasheng.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Gender(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENDER_UNSPECIFIED: _ClassVar[Gender]
    GENDER_FEMALE: _ClassVar[Gender]
    GENDER_MALE: _ClassVar[Gender]
GENDER_UNSPECIFIED: Gender
GENDER_FEMALE: Gender
GENDER_MALE: Gender

class SynthesisConfig(_message.Message):
    __slots__ = ("engine", "voice_id", "language", "speed", "owner", "sampling", "no_fallback", "pronunciations")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    NO_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    PRONUNCIATIONS_FIELD_NUMBER: _ClassVar[int]
    engine: str
    voice_id: str
    language: str
    speed: float
    owner: str
    sampling: Sampling
    no_fallback: bool
    pronunciations: _containers.RepeatedCompositeFieldContainer[Pronunciation]
    def __init__(self, engine: _Optional[str] = ..., voice_id: _Optional[str] = ..., language: _Optional[str] = ..., speed: _Optional[float] = ..., owner: _Optional[str] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., no_fallback: bool = ..., pronunciations: _Optional[_Iterable[_Union[Pronunciation, _Mapping]]] = ...) -> None: ...

class Pronunciation(_message.Message):
    __slots__ = ("word", "say", "language")
    WORD_FIELD_NUMBER: _ClassVar[int]
    SAY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    word: str
    say: str
    language: str
    def __init__(self, word: _Optional[str] = ..., say: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class TextWarning(_message.Message):
    __slots__ = ("reason", "text", "script")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    text: str
    script: str
    def __init__(self, reason: _Optional[str] = ..., text: _Optional[str] = ..., script: _Optional[str] = ...) -> None: ...

class PreviewRequest(_message.Message):
    __slots__ = ("text", "voice_id", "language", "owner", "engine", "pronunciations", "words_only")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    PRONUNCIATIONS_FIELD_NUMBER: _ClassVar[int]
    WORDS_ONLY_FIELD_NUMBER: _ClassVar[int]
    text: str
    voice_id: str
    language: str
    owner: str
    engine: str
    pronunciations: _containers.RepeatedCompositeFieldContainer[Pronunciation]
    words_only: bool
    def __init__(self, text: _Optional[str] = ..., voice_id: _Optional[str] = ..., language: _Optional[str] = ..., owner: _Optional[str] = ..., engine: _Optional[str] = ..., pronunciations: _Optional[_Iterable[_Union[Pronunciation, _Mapping]]] = ..., words_only: bool = ...) -> None: ...

class PreviewClause(_message.Message):
    __slots__ = ("text", "spoken", "language", "pronunciation", "left_out")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPOKEN_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    PRONUNCIATION_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    text: str
    spoken: str
    language: str
    pronunciation: str
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, text: _Optional[str] = ..., spoken: _Optional[str] = ..., language: _Optional[str] = ..., pronunciation: _Optional[str] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class PreviewResponse(_message.Message):
    __slots__ = ("clauses", "warnings")
    CLAUSES_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    clauses: _containers.RepeatedCompositeFieldContainer[PreviewClause]
    warnings: _containers.RepeatedCompositeFieldContainer[TextWarning]
    def __init__(self, clauses: _Optional[_Iterable[_Union[PreviewClause, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[TextWarning, _Mapping]]] = ...) -> None: ...

class WarmRequest(_message.Message):
    __slots__ = ("config", "texts")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    config: SynthesisConfig
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, config: _Optional[_Union[SynthesisConfig, _Mapping]] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class WarmResponse(_message.Message):
    __slots__ = ("ready",)
    READY_FIELD_NUMBER: _ClassVar[int]
    ready: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ready: _Optional[_Iterable[str]] = ...) -> None: ...

class Sampling(_message.Message):
    __slots__ = ("seed", "temperature", "top_k", "top_p", "repetition_penalty", "split")
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    REPETITION_PENALTY_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    seed: int
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    split: str
    def __init__(self, seed: _Optional[int] = ..., temperature: _Optional[float] = ..., top_k: _Optional[int] = ..., top_p: _Optional[float] = ..., repetition_penalty: _Optional[float] = ..., split: _Optional[str] = ...) -> None: ...

class Clause(_message.Message):
    __slots__ = ("index", "text")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    index: int
    text: str
    def __init__(self, index: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class StreamSynthesizeRequest(_message.Message):
    __slots__ = ("config", "clause", "interrupt", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: SynthesisConfig
    clause: Clause
    interrupt: _common_pb2.Interrupt
    end: _common_pb2.EndOfInput
    def __init__(self, config: _Optional[_Union[SynthesisConfig, _Mapping]] = ..., clause: _Optional[_Union[Clause, _Mapping]] = ..., interrupt: _Optional[_Union[_common_pb2.Interrupt, _Mapping]] = ..., end: _Optional[_Union[_common_pb2.EndOfInput, _Mapping]] = ...) -> None: ...

class SynthesisHeader(_message.Message):
    __slots__ = ("format", "engine", "voice_id", "has_phonemes", "fallbacks")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    HAS_PHONEMES_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    format: _common_pb2.AudioFormat
    engine: str
    voice_id: str
    has_phonemes: bool
    fallbacks: _containers.RepeatedCompositeFieldContainer[_common_pb2.Fallback]
    def __init__(self, format: _Optional[_Union[_common_pb2.AudioFormat, _Mapping]] = ..., engine: _Optional[str] = ..., voice_id: _Optional[str] = ..., has_phonemes: bool = ..., fallbacks: _Optional[_Iterable[_Union[_common_pb2.Fallback, _Mapping]]] = ...) -> None: ...

class ClauseMark(_message.Message):
    __slots__ = ("index", "text", "start_us", "end_us", "cached")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    index: int
    text: str
    start_us: int
    end_us: int
    cached: bool
    def __init__(self, index: _Optional[int] = ..., text: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., cached: bool = ...) -> None: ...

class Phonemes(_message.Message):
    __slots__ = ("spans",)
    SPANS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[_common_pb2.PhonemeSpan]
    def __init__(self, spans: _Optional[_Iterable[_Union[_common_pb2.PhonemeSpan, _Mapping]]] = ...) -> None: ...

class SynthesisFinished(_message.Message):
    __slots__ = ("duration_us", "warnings")
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    duration_us: int
    warnings: _containers.RepeatedCompositeFieldContainer[TextWarning]
    def __init__(self, duration_us: _Optional[int] = ..., warnings: _Optional[_Iterable[_Union[TextWarning, _Mapping]]] = ...) -> None: ...

class StreamSynthesizeResponse(_message.Message):
    __slots__ = ("header", "clause", "phonemes", "audio", "interrupted", "finished")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    PHONEMES_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    header: SynthesisHeader
    clause: ClauseMark
    phonemes: Phonemes
    audio: _common_pb2.AudioChunk
    interrupted: _common_pb2.Interrupted
    finished: SynthesisFinished
    def __init__(self, header: _Optional[_Union[SynthesisHeader, _Mapping]] = ..., clause: _Optional[_Union[ClauseMark, _Mapping]] = ..., phonemes: _Optional[_Union[Phonemes, _Mapping]] = ..., audio: _Optional[_Union[_common_pb2.AudioChunk, _Mapping]] = ..., interrupted: _Optional[_Union[_common_pb2.Interrupted, _Mapping]] = ..., finished: _Optional[_Union[SynthesisFinished, _Mapping]] = ...) -> None: ...

class Voice(_message.Message):
    __slots__ = ("voice_id", "name", "language", "gender", "engine", "is_cloned", "sample_text", "transcript", "clips", "consent", "created_us", "sampling", "model")
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    GENDER_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    IS_CLONED_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_TEXT_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    voice_id: str
    name: str
    language: str
    gender: Gender
    engine: str
    is_cloned: bool
    sample_text: str
    transcript: str
    clips: _containers.RepeatedCompositeFieldContainer[VoiceClip]
    consent: Consent
    created_us: int
    sampling: _containers.RepeatedScalarFieldContainer[str]
    model: str
    def __init__(self, voice_id: _Optional[str] = ..., name: _Optional[str] = ..., language: _Optional[str] = ..., gender: _Optional[_Union[Gender, str]] = ..., engine: _Optional[str] = ..., is_cloned: bool = ..., sample_text: _Optional[str] = ..., transcript: _Optional[str] = ..., clips: _Optional[_Iterable[_Union[VoiceClip, _Mapping]]] = ..., consent: _Optional[_Union[Consent, _Mapping]] = ..., created_us: _Optional[int] = ..., sampling: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ...) -> None: ...

class VoiceClip(_message.Message):
    __slots__ = ("seconds", "snr_db", "loudness_lufs", "clip_id", "transcript", "uri")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    LOUDNESS_LUFS_FIELD_NUMBER: _ClassVar[int]
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    seconds: float
    snr_db: float
    loudness_lufs: float
    clip_id: str
    transcript: str
    uri: str
    def __init__(self, seconds: _Optional[float] = ..., snr_db: _Optional[float] = ..., loudness_lufs: _Optional[float] = ..., clip_id: _Optional[str] = ..., transcript: _Optional[str] = ..., uri: _Optional[str] = ...) -> None: ...

class Consent(_message.Message):
    __slots__ = ("statement", "given_by", "recorded_us")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_BY_FIELD_NUMBER: _ClassVar[int]
    RECORDED_US_FIELD_NUMBER: _ClassVar[int]
    statement: str
    given_by: str
    recorded_us: int
    def __init__(self, statement: _Optional[str] = ..., given_by: _Optional[str] = ..., recorded_us: _Optional[int] = ...) -> None: ...

class ListVoicesRequest(_message.Message):
    __slots__ = ("owner", "voice_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    voice_id: str
    def __init__(self, owner: _Optional[str] = ..., voice_id: _Optional[str] = ...) -> None: ...

class ListVoicesResponse(_message.Message):
    __slots__ = ("voices", "cloning")
    VOICES_FIELD_NUMBER: _ClassVar[int]
    CLONING_FIELD_NUMBER: _ClassVar[int]
    voices: _containers.RepeatedCompositeFieldContainer[Voice]
    cloning: Cloning
    def __init__(self, voices: _Optional[_Iterable[_Union[Voice, _Mapping]]] = ..., cloning: _Optional[_Union[Cloning, _Mapping]] = ...) -> None: ...

class Cloning(_message.Message):
    __slots__ = ("engine", "failed_engine", "why", "models", "problem")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    FAILED_ENGINE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    engine: str
    failed_engine: str
    why: str
    models: _containers.RepeatedScalarFieldContainer[str]
    problem: _common_pb2.Error
    def __init__(self, engine: _Optional[str] = ..., failed_engine: _Optional[str] = ..., why: _Optional[str] = ..., models: _Optional[_Iterable[str]] = ..., problem: _Optional[_Union[_common_pb2.Error, _Mapping]] = ...) -> None: ...

class CreateVoiceRequest(_message.Message):
    __slots__ = ("owner", "name", "reference_uri", "transcript", "language", "more_reference_uris", "consent", "model")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_URI_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    MORE_REFERENCE_URIS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    owner: str
    name: str
    reference_uri: str
    transcript: str
    language: str
    more_reference_uris: _containers.RepeatedScalarFieldContainer[str]
    consent: Consent
    model: str
    def __init__(self, owner: _Optional[str] = ..., name: _Optional[str] = ..., reference_uri: _Optional[str] = ..., transcript: _Optional[str] = ..., language: _Optional[str] = ..., more_reference_uris: _Optional[_Iterable[str]] = ..., consent: _Optional[_Union[Consent, _Mapping]] = ..., model: _Optional[str] = ...) -> None: ...

class CreateVoiceResponse(_message.Message):
    __slots__ = ("voice",)
    VOICE_FIELD_NUMBER: _ClassVar[int]
    voice: Voice
    def __init__(self, voice: _Optional[_Union[Voice, _Mapping]] = ...) -> None: ...

class RenameVoiceRequest(_message.Message):
    __slots__ = ("owner", "voice_id", "name")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    owner: str
    voice_id: str
    name: str
    def __init__(self, owner: _Optional[str] = ..., voice_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class RenameVoiceResponse(_message.Message):
    __slots__ = ("voice",)
    VOICE_FIELD_NUMBER: _ClassVar[int]
    voice: Voice
    def __init__(self, voice: _Optional[_Union[Voice, _Mapping]] = ...) -> None: ...

class DeleteVoiceRequest(_message.Message):
    __slots__ = ("owner", "voice_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    voice_id: str
    def __init__(self, owner: _Optional[str] = ..., voice_id: _Optional[str] = ...) -> None: ...

class DeleteVoiceResponse(_message.Message):
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

class AddVoiceClipRequest(_message.Message):
    __slots__ = ("owner", "voice_id", "reference_uri", "transcript")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_URI_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    owner: str
    voice_id: str
    reference_uri: str
    transcript: str
    def __init__(self, owner: _Optional[str] = ..., voice_id: _Optional[str] = ..., reference_uri: _Optional[str] = ..., transcript: _Optional[str] = ...) -> None: ...

class AddVoiceClipResponse(_message.Message):
    __slots__ = ("voice",)
    VOICE_FIELD_NUMBER: _ClassVar[int]
    voice: Voice
    def __init__(self, voice: _Optional[_Union[Voice, _Mapping]] = ...) -> None: ...

class RemoveVoiceClipRequest(_message.Message):
    __slots__ = ("owner", "voice_id", "clip_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    CLIP_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    voice_id: str
    clip_id: str
    def __init__(self, owner: _Optional[str] = ..., voice_id: _Optional[str] = ..., clip_id: _Optional[str] = ...) -> None: ...

class RemoveVoiceClipResponse(_message.Message):
    __slots__ = ("voice",)
    VOICE_FIELD_NUMBER: _ClassVar[int]
    voice: Voice
    def __init__(self, voice: _Optional[_Union[Voice, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("engines",)
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    engines: _containers.RepeatedCompositeFieldContainer[_common_pb2.EngineInfo]
    def __init__(self, engines: _Optional[_Iterable[_Union[_common_pb2.EngineInfo, _Mapping]]] = ...) -> None: ...
