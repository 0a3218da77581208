"""What can go wrong between us and a GPT-SoVITS process."""

from __future__ import annotations

from services.common.errors import HuashengError

ENGINE = "gpt_sovits"


class Failure(Exception):
    """One attempt failed. ``why`` is English and says nothing of the text that was to be spoken."""

    def __init__(self, why: str, *, is_retryable: bool = True, kind: str = "bad") -> None:
        super().__init__(why)
        self.why = why
        self.is_retryable = is_retryable
        """Whether another attempt may help."""
        self.kind = kind
        """``bad`` (a useless answer), ``gone`` (no connection), ``slow`` (a deadline), ``refused`` (our request)."""

    def error(self) -> HuashengError:
        """What the caller gets."""
        if self.kind == "gone":
            return HuashengError("tts-unreachable", engine=ENGINE, why=self.why)
        if self.kind == "slow":
            return HuashengError("tts-slow", engine=ENGINE, why=self.why)
        if self.kind == "refused":
            return HuashengError("bad-request", what=f"GPT-SoVITS: {self.why}")
        return HuashengError("tts-bad-audio", engine=ENGINE, why=self.why)
