"""Google's web speech recogniser (SpeechRecognition package): the speech goes to Google over the internet."""

from __future__ import annotations

import http.client
import importlib.util
import logging
import platform
import re
import shutil
import threading
import time
import urllib.error
from typing import Any, ClassVar

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine, Recognition, primary
from services.asr.engines.google import requests
from services.asr.engines.google.settings import Settings
from services.common.audio import Samples, to_pcm16
from services.common.engines import package_missing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, secret

log = logging.getLogger("huasheng.asr.google")

_TAGS = {"zh": "zh-CN", "en": "en-US", "yue": "yue-Hant-HK"}  # the tags that Google wants for the plain languages
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PAUSE_S = 0.3  # before a second try
_BODY_BYTES = 4096


class _RetryError(Exception):
    """A failure after which a second try may succeed."""

    def __init__(self, error: HuashengError) -> None:
        super().__init__(error.slug)
        self.error = error


class GoogleEngine(AsrEngine):
    """One HTTPS request for each window of speech, in their order: the service takes some 15 s of speech at once."""

    name: ClassVar[str] = "google"
    languages: ClassVar[tuple[str, ...]] = ("zh", "en")
    license: ClassVar[str] = "BSD-3-Clause client; Google's terms for the service"
    description = "Google's web speech recogniser; the speech leaves this machine"
    window_s: ClassVar[float] = 15.0
    works_ahead: ClassVar[bool] = False
    settings: Settings

    @classmethod
    def unavailable(cls, settings: Settings, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """Missing package, encoder or key; whether Google can be reached shows only when it is used."""
        cause: dict[str, str] = {}
        if importlib.util.find_spec("speech_recognition") is None:
            return package_missing(cls.name, "SpeechRecognition", "asr")
        # the package carries an encoder for Linux on x86 only, and for Windows and macOS
        if platform.system() == "Linux" and "86" not in platform.machine() and not shutil.which("flac"):
            cause = {"cause": "program-missing", "program": "flac"}
        elif settings.key_file and not secret(None, settings.key_file):
            cause = {"cause": "key-file-empty", "variable": "ASR_GOOGLE_KEY_FILE"}
        return HuashengError("engine-unavailable", engine=cls.name, **cause) if cause else None

    def load(self) -> None:
        """Import the package, and make its requests cancellable."""
        import speech_recognition

        super().load()
        self._sr: Any = speech_recognition
        requests.install()

    def recognise(
        self, samples: Samples, language: str | None, cancelled: threading.Event | None = None
    ) -> Recognition:
        """The words of one window; ``ASR_GOOGLE_LANGUAGE`` when no language is given, since Google detects none."""
        s = self.settings
        language = language or s.language
        if not _TAG.fullmatch(language):
            raise HuashengError("bad-request", what="language must be a BCP 47 tag such as zh-CN or en-US.")
        audio = self._sr.AudioData(to_pcm16(samples), SAMPLE_RATE_HZ, 2)
        until = time.monotonic() + s.timeout_s
        cancelled = cancelled or threading.Event()
        for attempt in range(1, s.attempts + 1):
            try:
                text = self._request(audio, _TAGS.get(language, language), until, cancelled)
                return Recognition(text, primary(language))
            except requests.CancelledError:
                break
            except _RetryError as e:
                if attempt == s.attempts or time.monotonic() + _PAUSE_S > until:
                    raise e.error from e
                log.info("trying again", extra={"engine": self.name, "reason": e.error.slug})
                cancelled.wait(_PAUSE_S)
        return Recognition("", primary(language))

    def _request(self, audio: Any, tag: str, until: float, cancelled: threading.Event) -> str:
        """One request. Raises ``_RetryError``, ``CancelledError`` and what a second try would not mend."""
        seconds = max(0.1, until - time.monotonic())
        recogniser = self._sr.Recognizer()
        recogniser.operation_timeout = seconds
        key = secret(self.settings.key, self.settings.key_file)
        if self.settings.key_file and not key:
            raise HuashengError("asr-wrong-key", engine=self.name, variable=self._variable())
        try:
            return requests.run(lambda: self._recognise(recogniser, audio, key, tag), seconds, cancelled)
        except TimeoutError as e:
            raise self._failure(e) from e

    def _recognise(self, recogniser: Any, audio: Any, key: str, tag: str) -> str:
        """The request itself, in its own thread: a refusal's text must be read before the connection is cancelled."""
        try:
            text = recogniser.recognize_google(audio, key=key or None, language=tag, endpoint=self.settings.url)
        except self._sr.UnknownValueError:
            return ""
        except self._sr.RequestError as e:
            raise self._refusal(e.__context__) from e
        except (OSError, http.client.HTTPException) as e:
            raise self._failure(e) from e
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as e:
            # not what Google sends: a proxy's log-in page, for example
            raise HuashengError("engine-failed", engine=self.name, cause="answer-unclear") from e
        return str(text).strip()

    def _refusal(self, cause: BaseException | None) -> Exception:
        """What the library calls a failed request, by what was behind it."""
        if not isinstance(cause, urllib.error.HTTPError):
            reason = cause.reason if isinstance(cause, urllib.error.URLError) else cause
            return self._failure(reason)
        try:
            text = cause.read(_BODY_BYTES).decode(errors="replace").lower()
        except (OSError, http.client.HTTPException):
            text = ""
        finally:
            cause.close()
        if cause.code == 429 or (cause.code == 403 and ("quota" in text or "limit" in text)):
            return HuashengError("asr-quota", engine=self.name, variable=self._variable())
        if cause.code in (401, 403) or (cause.code == 400 and "api key" in text):
            return HuashengError("asr-wrong-key", engine=self.name, variable=self._variable())
        if cause.code >= 500:
            return _RetryError(HuashengError("asr-unreachable", engine=self.name))
        why = "wrong-address" if cause.code == 404 else "server-refused"
        return HuashengError("engine-failed", engine=self.name, cause=why, code=cause.code, setting="ASR_GOOGLE_URL")

    def _failure(self, error: object) -> Exception:
        """What a failed connection means."""
        if isinstance(error, TimeoutError):
            return HuashengError("asr-slow", engine=self.name, seconds=round(self.settings.timeout_s, 1))
        if isinstance(error, FileNotFoundError | PermissionError):
            return HuashengError("engine-failed", engine=self.name, cause="program-missing", program="flac")
        return _RetryError(HuashengError("asr-unreachable", engine=self.name))

    def _variable(self) -> str:
        return "ASR_GOOGLE_KEY" + ("_FILE" if self.settings.key_file else "")
