"""What can go wrong between us and a GPT-SoVITS process."""

from __future__ import annotations

from typing import Self

from services.common.errors import HuashengError, cause_text

ENGINE = "gpt_sovits"


class Why(str):
    """Why a process cannot be used, in English; ``zh`` is the same in Chinese."""

    zh: str

    def __new__(cls, en: str, zh: str) -> Self:
        """Both texts."""
        made = super().__new__(cls, en)
        made.zh = zh
        return made

    @classmethod
    def of(cls, cause: str, **params: object) -> Self:
        """In the words of ``causes.toml``."""
        return cls(cause_text(cause, "en", **params), cause_text(cause, "zh", **params))


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
            return unreachable(self.why)
        if self.kind == "slow":
            return HuashengError("tts-slow", engine=ENGINE, why=self.why)
        if self.kind == "refused":
            return HuashengError("bad-request", what=f"GPT-SoVITS: {self.why}")
        return HuashengError("tts-bad-audio", engine=ENGINE, why=self.why)


def unreachable(why: str) -> HuashengError:
    """``tts-unreachable``, in Chinese too where the reason has it."""
    return HuashengError(
        "tts-unreachable", engine=ENGINE, why=why, **({"why_zh": why.zh} if isinstance(why, Why) else {})
    )
