"""Cloned voices in storage: each a folder with its clips and, written last, ``voice.json``."""

from __future__ import annotations

import json
import logging
import re
import secrets
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from services.common.audio import wav_bytes
from services.common.digest import sha256_of
from services.common.errors import HuashengError
from services.common.records import read_record
from services.common.storage import Storage, move
from services.tts.engines.base import ClonedVoice
from services.tts.reference import SAMPLE_RATE_HZ, Reference

log = logging.getLogger("huasheng.tts.voices")

_ID = re.compile(r"^v_[0-9a-f]{16}$")


@dataclass(frozen=True)
class Clip:
    """What was found in a recording."""

    seconds: float
    snr_db: float
    loudness_lufs: float
    sha256: str
    """Of the clip as it is kept."""
    transcript: str = ""
    """What is said in it, as far as that is known."""
    file: str = ""
    """Its name within the voice's folder."""

    @property
    def clip_id(self) -> str:
        """Its name within the voice."""
        return self.sha256[:16]


@dataclass(frozen=True)
class Consent:
    """Who agreed to what, and when it was recorded (microseconds since 1970)."""

    statement: str
    given_by: str
    recorded_us: int


@dataclass(frozen=True)
class StoredVoice:
    """A cloned voice as it is kept."""

    voice_id: str
    owner: str
    name: str
    language: str
    engine: str
    model: str
    clips: tuple[Clip, ...]
    consent: Consent
    created_us: int

    @property
    def transcript(self) -> str:
        """What is said in the first clip."""
        return self.clips[0].transcript


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@runtime_checkable
class ReadsVoices(Protocol):
    """Settings of an engine whose processes read the recordings of voices from a folder."""

    voices_dir: Path


def _read(data: bytes) -> StoredVoice:
    """What a ``voice.json`` holds; raises all kinds of errors for a damaged one."""
    raw = json.loads(data)
    first = {"transcript": raw.pop("transcript", "")}  # kept with the voice before clips had their own
    clips = [{"file": f"clip{i}.wav", **({} if i else first), **c} for i, c in enumerate(raw.pop("clips"))]
    voice = read_record(StoredVoice, json.dumps({**raw, "clips": clips}).encode())
    if not voice.clips:
        raise ValueError("no clips")
    return voice


class VoiceStore:
    """The voices of all owners. ``folder`` is where an engine's processes read clips from."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage, self.folder = storage, folder
        self._copying = threading.Lock()
        self._changing = threading.Lock()

    def create(
        self,
        *,
        owner: str,
        name: str,
        language: str,
        transcript: str,
        engine: str,
        model: str,
        references: list[Reference],
        consent: Consent,
    ) -> StoredVoice:
        """Keep a new voice; it exists when all of it is written. ``transcript`` is of the first reference."""
        voice_id = f"v_{secrets.token_hex(8)}"
        place = self._place(owner, voice_id)
        try:
            clips = tuple(self._keep(place, r, "" if i else transcript) for i, r in enumerate(references))
            voice = StoredVoice(
                voice_id=voice_id,
                owner=owner,
                name=name,
                language=language,
                engine=engine,
                model=model,
                clips=clips,
                consent=consent,
                created_us=now_us(),
            )
            self._write(voice)
        except BaseException:
            self.storage.delete(place)
            raise
        return voice

    def _keep(self, place: str, r: Reference, transcript: str) -> Clip:
        """Write a clip. Its name follows from its content, so that no other clip ever has it."""
        data = wav_bytes(r.samples, SAMPLE_RATE_HZ)
        digest = sha256_of(data)
        clip = Clip(
            seconds=round(r.seconds, 3),
            snr_db=r.snr_db,
            loudness_lufs=r.loudness_lufs,
            sha256=digest,
            transcript=transcript,
            file=f"clip-{digest[:16]}.wav",
        )
        self.storage.put(f"{place}/{clip.file}", data)
        return clip

    def _write(self, voice: StoredVoice) -> None:
        self.storage.put_json(f"{self._place(voice.owner, voice.voice_id)}/voice.json", asdict(voice))

    def find(self, owner: str, voice_id: str) -> StoredVoice:
        """Raises ``unknown-voice``, also for another owner's."""
        if not _ID.fullmatch(voice_id):
            raise HuashengError("unknown-voice", voice=voice_id[:80])
        try:
            data = self.storage.read(f"{self._place(owner, voice_id)}/voice.json")
        except FileNotFoundError as e:
            raise HuashengError("unknown-voice", voice=voice_id) from e
        try:
            return _read(data)
        except (ValueError, TypeError, AttributeError, KeyError) as e:
            log.warning("the record of a voice is damaged; delete the voice", extra={"voice": voice_id})
            raise HuashengError("unknown-voice", voice=voice_id) from e

    def list(self, owner: str) -> list[StoredVoice]:
        """All of an owner, oldest first."""

        def find(key: str) -> StoredVoice | None:
            try:
                return self.find(owner, key.rsplit("/", 1)[-1])
            except HuashengError as e:
                if e.slug != "unknown-voice":  # one that is being made or deleted
                    raise
                return None

        found = self.storage.each(find, self.storage.list(f"voices/{_folder(owner)}"))
        return sorted((v for v in found if v), key=lambda v: v.created_us)

    def rename(self, owner: str, voice_id: str, name: str) -> StoredVoice:
        """Raises ``unknown-voice``."""
        with self._changing:
            renamed = replace(self.find(owner, voice_id), name=name)
            self._write(renamed)
        return renamed

    def add_clip(self, owner: str, voice_id: str, reference: Reference, transcript: str, most: int) -> StoredVoice:
        """Another recording of the same person. Raises ``unknown-voice`` and ``voice-full``."""
        with self._changing:
            voice = self.find(owner, voice_id)
            if len(voice.clips) >= most:
                raise HuashengError("voice-full", name=voice.name, limit=most)
            clip = self._keep(self._place(owner, voice_id), reference, transcript)
            if clip.clip_id in {c.clip_id for c in voice.clips}:
                raise HuashengError("voice-clip-known", name=voice.name)
            changed = replace(voice, clips=(*voice.clips, clip))
            self._write(changed)
        return changed

    def remove_clip(self, owner: str, voice_id: str, clip_id: str) -> StoredVoice:
        """Raises ``unknown-voice``, ``unknown-id`` and, for the last one, ``voice-last-clip``."""
        with self._changing:
            voice = self.find(owner, voice_id)
            gone = next((c for c in voice.clips if c.clip_id == clip_id), None)
            if gone is None:
                raise HuashengError("unknown-id", kind="clip", id=clip_id[:80])
            left = [c for c in voice.clips if c.clip_id != clip_id]
            if not left:
                raise HuashengError("voice-last-clip", name=voice.name)
            # the first gives the speaking style, for which some versions must know its words
            first = next((c for c in left if c.transcript), left[0])
            order = left if left[0].transcript else [first, *(c for c in left if c is not first)]
            changed = replace(voice, clips=tuple(order))
            self._write(changed)
            self.storage.delete(f"{self._place(owner, voice_id)}/{gone.file}")
            self._forget_copies(owner, voice_id, f"{gone.clip_id}.wav")
        return changed

    def clip_uri(self, voice: StoredVoice, clip: Clip) -> str:
        """Where a clip is kept."""
        return self.storage.uri(f"{self._place(voice.owner, voice.voice_id)}/{clip.file}")

    def delete(self, owner: str, voice_id: str) -> None:
        """With its recordings, here and where engines read them. Raises ``unknown-voice``."""
        place = self._place(owner, voice_id)
        if not _ID.fullmatch(voice_id) or not self.storage.exists(f"{place}/voice.json"):  # it need not be readable
            raise HuashengError("unknown-voice", voice=voice_id[:80])
        self.storage.delete(f"{place}/voice.json")
        self.storage.delete(place)
        self._forget_copies(owner, voice_id, "*.wav")

    def forget_owner(self, owner: str) -> None:
        """Delete all voices of an owner, with their recordings. Raises ``bad-request`` for what is no owner."""
        self.storage.delete(f"voices/{_folder(owner)}")
        with self._copying:
            for copy in self.folder.glob(f"{_folder(owner)}-*.wav"):
                copy.unlink(missing_ok=True)

    def _forget_copies(self, owner: str, voice_id: str, which: str) -> None:
        with self._copying:
            for copy in self.folder.glob(f"{_folder(owner)}-{voice_id}-{which}"):
                copy.unlink(missing_ok=True)

    def for_engine(self, voice: StoredVoice) -> ClonedVoice:
        """The voice with its clips where the engine's processes can read them."""
        paths = []
        with self._copying:
            self.folder.mkdir(parents=True, exist_ok=True)
            for clip in voice.clips:
                # the name follows from the content, so that a process's own cache by path is never wrong
                path = self.folder / f"{_folder(voice.owner)}-{voice.voice_id}-{clip.clip_id}.wav"
                if not path.exists():
                    self._copy(f"{self._place(voice.owner, voice.voice_id)}/{clip.file}", path)
                paths.append(path)
        return ClonedVoice(voice.voice_id, voice.language, voice.transcript, tuple(paths), voice.model)

    def _copy(self, key: str, path: Path) -> None:
        try:
            data = self.storage.read(key)
        except FileNotFoundError as e:
            raise HuashengError("unknown-voice", voice=path.name) from e
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".part-", delete=False) as f:
            f.write(data)
        Path(f.name).chmod(0o644)
        move(Path(f.name), path)

    def sweep(self) -> None:
        """Remove copies of voices that were deleted elsewhere."""
        for copy in self.folder.glob("*-v_*.wav"):
            owner, voice_id, *_ = copy.name.split("-")
            if not self.storage.exists(f"voices/{owner}/{voice_id}/voice.json"):
                copy.unlink(missing_ok=True)

    def _place(self, owner: str, voice_id: str) -> str:
        return f"voices/{_folder(owner)}/{voice_id}"


def _folder(owner: str) -> str:
    """Owners are named from outside: their names make no paths."""
    return sha256_of(owner, digits=16)
