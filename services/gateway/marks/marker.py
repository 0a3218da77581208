"""The one way out for what is made: labelled, signed, remembered, then published."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import wave
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import c2pa
import numpy as np

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.accounts.consents import ConsentStore
from services.gateway.marks import manifest
from services.gateway.marks.certificates import Credential, Signers, due, known_signers, load_credential
from services.gateway.marks.label import Labeller, jpeg_with, wav_head
from services.gateway.marks.manifest import Claim, Ingredient
from services.gateway.marks.picture_print import PicturePrint, picture_print
from services.gateway.marks.rhythm import rhythm
from services.gateway.marks.sound_print import Words, sound_of, sound_print
from services.gateway.settings import GatewaySettings
from services.gateway.store.provenance import Content, ProvenanceStore
from services.gateway.turn.choices import VisibleMark
from services.gateway.version import VERSION

log = logging.getLogger("huasheng.gateway.marks")
_COPY = 1 << 20
SEVERAL = ", "
_UNSIGNED = {"webm": "video/webm"}
"""Containers that C2PA has no place in; they have the label, and are known by their fingerprints."""
FILMS = (".mp4", ".mov", ".webm")
NO_PICTURES = PicturePrint(np.zeros(0, np.uint64), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Made:
    """Something that was made, and of what. No names of persons: this goes into the files."""

    id: str
    owner: str
    kind: str
    """``video``, ``dialogue``, ``turn``, ``speech``, ``sample`` or ``training``."""
    engine: str
    """The engine that drew, or spoke where nothing was drawn."""
    is_sound_made: bool = True
    """Whether the speech was synthesised; False for a recording that somebody brought."""
    has_pictures: bool = True
    source_sha256: str = ""
    """Of the clip or portrait that the avatar was prepared from. This, and the ids and consents below, are several,
    with ``SEVERAL`` between them, where several avatars or voices are in one video."""
    avatar_id: str = ""
    voice_id: str = ""
    model_id: str = ""
    consent: str = ""
    """Reference of the consent that the person shown gave; empty where none is kept."""
    used: dict[str, str] = field(default_factory=dict)
    """Further engines, by service."""


class Marker:
    """Makes marks as the settings want them. Synchronous: call through ``asyncio.to_thread``."""

    def __init__(
        self,
        settings: GatewaySettings,
        secret: bytes,
        storage: Storage,
        made: ProvenanceStore,
        consents: ConsentStore,
    ) -> None:
        """Raises ``SystemExit`` where the certificate cannot sign."""
        self.settings, self.made, self._consents = settings, made, consents
        self.labeller = Labeller(settings.producer, secret)
        self._storage, self._lock = storage, threading.Lock()
        self._folder = settings.data_dir / "marks"
        self._credential, self.signers = self._load()
        self._check()
        if settings.visible_mark == "off":
            log.warning("videos are made without a visible mark: GATEWAY_VISIBLE_MARK is off")

    def _load(self) -> tuple[Credential, Signers]:
        s = self.settings
        credential = load_credential(self._folder, s.sign_certificate, s.sign_key)
        try:
            return credential, known_signers(self._folder, credential)
        except (OSError, ValueError) as e:
            raise SystemExit(f"gateway: {self._folder / 'signers.pem'} cannot be used: {e}") from e

    def _check(self) -> None:
        """Sign a moment of silence and read it again: a certificate that C2PA refuses is found now, not at a job."""
        source, target = (self._folder / f".try-{secrets.token_hex(8)}.wav" for _ in range(2))
        try:
            source.write_bytes(wav_head(8000, self.labeller.label("try"), 1600) + bytes(1600))
            manifest.sign(source, target, Claim("try", "", wholly=True), self._credential, VERSION)
            found = manifest.read(target, "audio/wav", self.signers)
        except c2pa.C2paError as e:
            raise SystemExit(f"gateway: the signing certificate is not accepted: {e}") from e
        finally:
            source.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
        if found is None or not found.is_ours or found.state != "valid":
            raise SystemExit(
                "gateway: the chain in GATEWAY_SIGN_CERTIFICATE does not lead to its last certificate as C2PA wants it"
            )

    @property
    def credential(self) -> Credential:
        """What signs now; an own certificate that ends soon, or one of the operator's that was replaced, is renewed."""
        with self._lock:
            if due(self._credential):
                self._credential, self.signers = self._load()
            return self._credential

    def visible(self, language: str) -> VisibleMark | None:
        """The mark to burn into a video for a viewer of that language; empty for the question's."""
        if self.settings.visible_mark == "off":
            return None
        return VisibleMark(language, self.settings.visible_mark == "throughout")

    def label(self, made_id: str) -> str:
        """The label of something that is being made."""
        return self.labeller.label(made_id)

    def opening(self, sample_rate_hz: int) -> bytes:
        """What speech begins with: the audible mark, or nothing."""
        return rhythm(sample_rate_hz) if self.settings.audible_mark == "start" else b""

    def publish(self, made: Made, files: dict[str, Path], metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Publish the files of one thing that was made, by storage key (``….mp4``, ``….wav``, ``….jpg``).

        An MP4 has its label since its first byte (``label.mp4_with``). Returns what ``Storage.publish`` does, by key.
        Raises ``marking-failed``, ``disk-full``, ``database-down``.
        """
        if made.avatar_id:
            known = self._consents.by_resource(made.owner, "avatar")
            given = [known[a]["id"] for a in made.avatar_id.split(SEVERAL) if a in known]
            made = replace(made, consent=SEVERAL.join(given))
        content = self._content(made, list(files.values()))
        facts = self._facts(made)
        published = {key: self._published(key, path, made, {**metadata, **facts}) for key, path in files.items()}
        self._remember(made, content, facts, published)
        return published

    def remember_speech(self, made: Made, words: Words) -> None:
        """Keep the fingerprint of speech that was streamed. Raises ``disk-full``, ``database-down``."""
        self._remember(made, Content(words, NO_PICTURES, made.is_sound_made), self._facts(made), {})

    def _remember(self, made: Made, content: Content, facts: dict[str, Any], files: dict[str, dict[str, Any]]) -> None:
        row = {"id": made.id, "owner": made.owner, "kind": made.kind, "engine": made.engine, "facts": facts}
        self.made.add(row, content, files)

    def _facts(self, made: Made) -> dict[str, Any]:
        facts = {
            "visible_mark": self.settings.visible_mark if made.has_pictures else "",
            "audible_mark": "" if made.has_pictures else self.settings.audible_mark,
            "source_sha256": made.source_sha256,
            "avatar": made.avatar_id,
            "voice": made.voice_id,
            "model": made.model_id,
            "consent": made.consent,
            **made.used,
        }
        return {k: v for k, v in facts.items() if v}

    def _content(self, made: Made, paths: list[Path]) -> Content:
        films = [p for p in paths if p.suffix in FILMS]
        sounds = [p for p in paths if p.suffix == ".wav"] or films  # a WAV is read faster
        return Content(
            sound=sound_print(sound_of(sounds[0])) if sounds else np.zeros(0, np.uint32),
            pictures=picture_print(films[0]) if films else NO_PICTURES,
            is_sound_made=made.is_sound_made,
        )

    def _published(self, key: str, finished: Path, made: Made, metadata: dict[str, Any]) -> dict[str, Any]:
        if content_type := _UNSIGNED.get(finished.suffix[1:]):
            return self._storage.publish(key, finished, {**metadata, "content_type": content_type})
        content_type = manifest.FORMATS[finished.suffix[1:]]
        token = secrets.token_hex(8)
        labelled = finished.with_name(f"labelled-{token}{finished.suffix}")
        signed = finished.with_name(f"signed-{token}{finished.suffix}")
        try:
            source = self._labelled(finished, labelled, made)
            manifest.sign(source, signed, self._claim(made, finished.suffix), self.credential, VERSION)
            return self._storage.publish(key, signed, {**metadata, "content_type": content_type})
        except c2pa.C2paError as e:
            log.error("a file could not be signed", extra={"kind": made.kind, "why": type(e).__name__})
            raise HuashengError("marking-failed") from e
        finally:
            labelled.unlink(missing_ok=True)
            signed.unlink(missing_ok=True)

    def _labelled(self, finished: Path, labelled: Path, made: Made) -> Path:
        if finished.suffix in FILMS:
            return finished
        if finished.suffix == ".jpg":
            labelled.write_bytes(jpeg_with(finished.read_bytes(), self.label(made.id)))
            return labelled
        with wave.open(str(finished), "rb") as w:
            rate, count, channels = w.getframerate(), w.getnframes(), w.getnchannels()
        before = np.repeat(np.frombuffer(self.opening(rate), "<i2"), channels).tobytes()  # in all channels
        size = 2 * count * channels
        with finished.open("rb") as source, labelled.open("wb") as out:
            source.seek(-size, 2)  # our own files end with their samples
            out.write(wav_head(rate, self.label(made.id), len(before) + size, channels) + before)
            shutil.copyfileobj(source, out, _COPY)
        return labelled

    def _claim(self, made: Made, suffix: str) -> Claim:
        named = {
            "avatar": made.avatar_id,
            "source clip": SEVERAL.join(f"sha256:{s}" for s in made.source_sha256.split(SEVERAL) if s),
            "voice": made.voice_id,
            "model": made.model_id,
        }
        wholly = suffix == ".wav" and made.is_sound_made
        ingredients = tuple(Ingredient(role, i) for role, all_of in named.items() for i in all_of.split(SEVERAL) if i)
        facts = tuple((k, str(v)) for k, v in self._facts(made).items())
        return Claim(made.id, made.engine, wholly, ingredients, facts)
