"""CMU Sphinx (BSD) (SpeechRecognition package): English, weights inside, far less accurate than whisper."""

from __future__ import annotations

import importlib.util
import threading
from typing import ClassVar

from services.asr.engines.base import RATE, AsrEngine, Heard, primary
from services.asr.settings import AsrSettings
from services.common.audio import Samples, to_pcm16
from services.common.errors import HuashengError
from services.common.settings import SharedSettings


class SphinxEngine(AsrEngine):
    """Every call makes its own decoder (SpeechRecognition does so), hence calls do not disturb each other."""

    name: ClassVar[str] = "sphinx"
    languages: ClassVar[tuple[str, ...]] = ("en",)
    license: ClassVar[str] = "BSD-2-Clause"
    description: ClassVar[str] = "CMU PocketSphinx on the CPU, English only"
    window_s: ClassVar[float] = 15.0
    works_ahead: ClassVar[bool] = False

    @classmethod
    def unavailable(cls, _settings: AsrSettings, _shared: SharedSettings) -> str:
        """Missing packages."""
        for module, package in (("speech_recognition", "SpeechRecognition"), ("pocketsphinx", "pocketsphinx")):
            if importlib.util.find_spec(module) is None:
                return f"the package {package} is not installed; run: pip install -r services/asr/requirements.txt"
        return ""

    def recognise(self, samples: Samples, language: str | None, _cancelled: threading.Event | None = None) -> Heard:
        """The words of one window, lower case and without punctuation, as Sphinx gives them."""
        if language and primary(language) != "en":
            raise HuashengError("bad-request", what=f"sphinx knows only English, not {language}.")
        import speech_recognition as sr

        try:
            text = sr.Recognizer().recognize_sphinx(sr.AudioData(to_pcm16(samples), RATE, 2))
        except sr.UnknownValueError:
            text = ""
        except sr.RequestError as e:
            raise HuashengError("engine-failed", engine="sphinx", why=e) from e
        return Heard(text, "en")
