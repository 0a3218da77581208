"""CMU Sphinx (BSD) (SpeechRecognition package): English, weights inside, far less accurate than whisper."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any, ClassVar

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine, Recognition, primary
from services.common.audio import Samples, to_pcm16
from services.common.engines import package_missing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings


class SphinxEngine(AsrEngine):
    """Every call makes its own decoder (SpeechRecognition does so), hence calls do not disturb each other."""

    name: ClassVar[str] = "sphinx"
    languages: ClassVar[tuple[str, ...]] = ("en",)
    license: ClassVar[str] = "BSD-2-Clause"
    description = "CMU PocketSphinx on the CPU, English only"
    window_s: ClassVar[float] = 15.0
    works_ahead: ClassVar[bool] = False

    @classmethod
    def unavailable(cls, _settings: Any, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """Missing packages."""
        for module, package in (("speech_recognition", "SpeechRecognition"), ("pocketsphinx", "pocketsphinx")):
            if importlib.util.find_spec(module) is None:
                return package_missing(cls.name, package, "asr")
        return None

    def recognise(
        self, samples: Samples, language: str | None, _cancelled: threading.Event | None = None
    ) -> Recognition:
        """The words of one window, lower case and without punctuation, as Sphinx gives them."""
        if language and primary(language) != "en":
            raise HuashengError("bad-request", what=f"sphinx knows only English, not {language}.")
        import speech_recognition as sr

        try:
            text = sr.Recognizer().recognize_sphinx(sr.AudioData(to_pcm16(samples), SAMPLE_RATE_HZ, 2))
        except sr.UnknownValueError:
            text = ""
        except sr.RequestError as e:
            raise HuashengError("engine-failed", engine="sphinx", why=e) from e
        return Recognition(text, "en")
