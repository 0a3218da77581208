"""``TTSService`` as the old program had it."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from huasheng._sync.client import Huasheng
from huasheng.errors import HuashengError

log = logging.getLogger("huasheng")


class TTSService:
    """Text to a WAV file, with the old program's signature.

        TTSService().text_to_speech("你好", "hello.wav")                        # the default voice
        TTSService(consent="I agree that my voice is cloned.", consent_by="Li Na").text_to_speech(
            "你好", "hello.wav", "li_na.wav")                                   # the voice of the recording

    A reference recording (3 to 10 s of clean speech) is cloned through ``POST /voices``, which records the consent of
    the voice's owner; without ``consent`` and ``consent_by`` it is refused with a ``ValueError`` rather than spoken in
    another voice. The cloned voice is kept under a name made from all of this and used again the next time.
    ``transcript``: what is said in the recording (recognised when left out); ``language``: of texts and recording.
    ``client``: your own ``Huasheng``, which stays open.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        client: Huasheng | None = None,
        consent: str | None = None,
        consent_by: str | None = None,
        transcript: str | None = None,
        language: str | None = None,
    ) -> None:
        self._client = client or Huasheng(url, token=token)
        self._is_ours = client is None
        self._consent, self._consent_by = consent, consent_by
        self._transcript, self._language = transcript, language
        self.last_error: Exception | None = None
        """Why the last call returned False; None after a good one."""

    def text_to_speech(self, text: str, output_path: str | Path, ref_audio_path: str | Path | None = None) -> bool:
        """Write ``text`` as speech to ``output_path`` (WAV, 16-bit mono), in the voice of ``ref_audio_path`` if given.

        Returns whether the file was written; why not is logged and in ``last_error``, and what was there before is then
        untouched. Raises ``ValueError`` for calls that can never work: another file type than ``.wav``, a recording
        without consent.
        """
        if Path(output_path).suffix.lower() != ".wav":
            raise ValueError(f"speech is written as WAV: give {str(output_path)!r} the ending .wav")
        if ref_audio_path is not None and not (self._consent and self._consent_by):
            raise ValueError(
                "cloning the voice of ref_audio_path needs its owner's consent: TTSService(consent='…', consent_by='…')"
            )
        self.last_error = None
        try:
            voice_id = self._voice(Path(ref_audio_path)) if ref_audio_path is not None else None
            # a cloned voice is wanted for what it is: no other speaks in its place
            fallback = False if voice_id else None
            said = self._client.speech.save(
                text, output_path, voice_id=voice_id, language=self._language, fallback=fallback
            )
        except (HuashengError, OSError) as e:
            self.last_error = e
            log.error("text_to_speech: %s", e)
            return False
        for passed in said.fallbacks:
            log.warning("text_to_speech: %s spoke in place of %s (%s)", passed.used, passed.wanted, passed.reason)
        return True

    def _voice(self, reference: Path) -> str:
        """The voice cloned from a recording, made if it is not there yet."""
        data = reference.read_bytes()
        # another recording, consent or transcript is another voice
        about = repr((self._consent, self._consent_by, self._transcript, self._language)).encode()
        digest = hashlib.sha256(data + about).hexdigest()
        name = f"{reference.stem[:40]} {digest[:12]}"
        for voice in self._client.voices.list():
            if voice.is_cloned and voice.name == name:
                return voice.voice_id
        made = self._client.voices.create(
            data,
            name=name,
            consent=self._consent or "",
            consent_by=self._consent_by or "",
            transcript=self._transcript,
            language=self._language,
        )
        return made.voice_id

    def close(self) -> None:
        """Close the connections."""
        if self._is_ours:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
