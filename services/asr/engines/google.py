"""Google's web speech recogniser (SpeechRecognition package): the speech goes to Google over the internet."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

from services.asr.engines.base import RATE, AsrEngine, Heard
from services.asr.settings import AsrSettings
from services.common.audio import Samples, to_pcm16
from services.common.errors import HuashengError
from services.common.settings import SharedSettings

_TAGS = {"zh": "zh-CN", "en": "en-US"}  # the tags that Google wants for the plain languages


class GoogleEngine(AsrEngine):
    """One HTTPS request for each window of speech."""

    name: ClassVar[str] = "google"
    languages: ClassVar[tuple[str, ...]] = ("zh", "en")
    license: ClassVar[str] = "BSD-3-Clause client; Google's terms for the service"
    description: ClassVar[str] = "Google's web speech recogniser; the speech leaves this machine"
    window_s: ClassVar[float] = 15.0
    works_ahead: ClassVar[bool] = False

    @classmethod
    def unavailable(cls, _settings: AsrSettings, _shared: SharedSettings) -> str:
        """Missing package; whether Google can be reached shows only when it is used."""
        if importlib.util.find_spec("speech_recognition") is None:
            return "the package SpeechRecognition is not installed; run: pip install -r services/asr/requirements.txt"
        return ""

    def recognise(self, samples: Samples, language: str | None) -> Heard:
        """The words of one window; ``ASR_GOOGLE_LANGUAGE`` when no language is given, since Google detects none."""
        import speech_recognition as sr

        language = language or self.settings.google_language
        key = self.settings.google_key
        recogniser = sr.Recognizer()
        recogniser.operation_timeout = self.settings.google_timeout_s
        try:
            text = recogniser.recognize_google(
                sr.AudioData(to_pcm16(samples), RATE, 2),
                key=key.get_secret_value() if key else None,
                language=_TAGS.get(language, language),
                endpoint=self.settings.google_url,
            )
        except sr.UnknownValueError:
            text = ""
        except (sr.RequestError, OSError) as e:
            raise HuashengError("asr-unreachable", engine="google") from e
        except ValueError as e:  # the answer was not what Google sends; a proxy's log-in page, for example
            raise HuashengError("engine-failed", engine="google", why="its answer was not understood") from e
        return Heard(str(text), language)
