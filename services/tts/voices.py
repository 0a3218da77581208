"""Cloned voices in storage: each a folder with its clips and, written last, ``voice.json``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import secrets
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from services.common.audio import wav_bytes
from services.common.errors import HuashengError
from services.common.storage import Storage, move
from services.tts.engines.base import ClonedVoice
from services.tts.reference import RATE, Reference

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


@dataclass(frozen=True)
class Consent:
    """Who agreed to what, and when we took it down (microseconds since 1970)."""

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
    transcript: str
    engine: str
    model: str
    clips: tuple[Clip, ...]
    consent: Consent
    created_us: int


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class VoiceStore:
    """The voices of all owners. ``folder`` is where an engine's processes read clips from."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage, self.folder = storage, folder
        self._copying = threading.Lock()

    def create(
        self, owner: str, name: str, language: str, transcript: str, engine: str, model: str,
        references: list[Reference], consent: Consent,
    ) -> StoredVoice:  # fmt: skip
        """Keep a new voice; it exists when all of it is written."""
        voice_id = f"v_{secrets.token_hex(8)}"
        place, clips = self._place(owner, voice_id), []
        try:
            for i, r in enumerate(references):
                data = wav_bytes(r.samples, RATE)
                self.storage.put(f"{place}/clip{i}.wav", data)
                digest = hashlib.sha256(data).hexdigest()
                clips.append(Clip(round(r.seconds, 3), r.snr_db, r.loudness_lufs, digest))
            voice = StoredVoice(
                voice_id, owner, name, language, transcript, engine, model, tuple(clips), consent, now_us()
            )
            self.storage.put_json(f"{place}/voice.json", asdict(voice))
        except BaseException:
            self.storage.delete(place)
            raise
        return voice

    def find(self, owner: str, voice_id: str) -> StoredVoice:
        """Raises ``unknown-voice``, also for another owner's."""
        if not _ID.fullmatch(voice_id):
            raise HuashengError("unknown-voice", voice=voice_id[:80])
        try:
            raw = json.loads(self.storage.read(f"{self._place(owner, voice_id)}/voice.json"))
        except FileNotFoundError as e:
            raise HuashengError("unknown-voice", voice=voice_id) from e
        clips = tuple(Clip(**c) for c in raw.pop("clips"))
        return StoredVoice(**{**raw, "clips": clips, "consent": Consent(**raw["consent"])})

    def list(self, owner: str) -> list[StoredVoice]:
        """All of an owner, oldest first."""
        found = []
        for key in self.storage.list(f"voices/{_folder(owner)}"):
            with contextlib.suppress(HuashengError):  # one that is being made or deleted
                found.append(self.find(owner, key.rsplit("/", 1)[-1]))
        return sorted(found, key=lambda v: v.created_us)

    def rename(self, owner: str, voice_id: str, name: str) -> StoredVoice:
        """Raises ``unknown-voice``."""
        voice = self.find(owner, voice_id)
        renamed = StoredVoice(**{**voice.__dict__, "name": name})
        self.storage.put_json(f"{self._place(owner, voice_id)}/voice.json", asdict(renamed))
        return renamed

    def delete(self, owner: str, voice_id: str) -> None:
        """With its recordings, here and where engines read them. Raises ``unknown-voice``."""
        self.find(owner, voice_id)
        place = self._place(owner, voice_id)
        self.storage.delete(f"{place}/voice.json")
        self.storage.delete(place)
        with self._copying:
            for copy in self.folder.glob(f"{_folder(owner)}-{voice_id}-*.wav"):
                copy.unlink(missing_ok=True)

    def for_engine(self, voice: StoredVoice) -> ClonedVoice:
        """The voice with its clips where the engine's processes can read them."""
        paths = []
        with self._copying:
            self.folder.mkdir(parents=True, exist_ok=True)
            for i, clip in enumerate(voice.clips):
                # the name tells the content, so that a process's own cache by path is never wrong
                path = self.folder / f"{_folder(voice.owner)}-{voice.voice_id}-{i}-{clip.sha256[:8]}.wav"
                if not path.exists():
                    self._copy(f"{self._place(voice.owner, voice.voice_id)}/clip{i}.wav", path)
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
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
